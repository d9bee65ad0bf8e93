"""Settings: how candidates are judged; part of every record's key."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from thermofab.hw.spec import SpecError


@dataclass(frozen=True)
class Settings:
    """How one candidate is judged on one workload.

    Attributes:
        replicas: chains, at least 8.
        warmup: sweeps before the first sample.
        samples: of every chain, a sweep apart.
        seed: of embeddings and runs.
        device: a name for :func:`thermofab.open_device`; ``"jax"`` stands in where it cannot run a fabric.
        check: compare a run of a program too large to enumerate with trusted ones
            (:meth:`thermofab.Program.check`); without it such a distance is the predicted one alone.
        pilot: sweeps of a short run before the long one; 0 leaves it out.
        hopeless: a pilot that gives fewer effective samples per sweep than this ends the judging.
        synthesis: place and route candidates that were never placed, minutes each, instead of a fitted area model.
        part: the FPGA that area is of; ``"ecp5-85"``.

    Raises:
        SpecError: a number outside its range.
    """

    replicas: int = 64
    warmup: int = 1000
    samples: int = 2000
    seed: int = 0
    device: str = "native"
    check: bool = False
    pilot: int = 200
    hopeless: float = 1e-4
    synthesis: bool = False
    part: str = "ecp5-85"

    def __post_init__(self) -> None:
        if self.replicas < 8 or self.samples < 100 or self.warmup < 0 or self.pilot < 0 or self.hopeless < 0:
            raise SpecError(
                "judging takes at least 8 replicas of at least 100 samples, and no negative number of sweeps; got "
                f"replicas={self.replicas}, samples={self.samples}, warmup={self.warmup}, pilot={self.pilot}."
            )
        if self.part != "ecp5-85":
            raise SpecError(f"area is known of part 'ecp5-85' only, got {self.part!r}.")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Settings":
        """Inverse of :meth:`to_json`; what is left out has its default."""
        unknown = set(data) - {field.name for field in fields(Settings)}
        if unknown:
            known = ", ".join(field.name for field in fields(Settings))
            raise SpecError(f"there is no setting {min(unknown)!r}; there are {known}.")
        return Settings(**data)
