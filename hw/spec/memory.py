"""Whether what a run returns fits this machine's memory, asked before the run."""

import os

from thermofab.hw.spec.errors import SpecError


def physical_memory() -> int | None:
    """Bytes of this machine's memory; ``None`` where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def check_samples_fit(replicas: int, samples: int, sites: int) -> None:
    """Site states bool ``[replicas, samples, sites]`` have a byte each.

    Raises:
        SpecError: they are more than this machine's memory.
    """
    memory, wanted = physical_memory(), replicas * samples * sites
    if memory is not None and wanted > memory:
        raise SpecError(
            f"{samples} samples of {replicas} replicas of {sites} sites take {wanted / 1e9:.3g} GB, and this machine "
            f"has {memory / 1e9:.3g} GB of memory; take fewer samples, further apart (steps_per_sample), or keep what "
            "you need of them only: accumulate and observe of a device (docs/simulators.md)."
        )
