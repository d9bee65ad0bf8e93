"""Campaign: a run's replicas as tasks of an executor, merged to the samples that one process would give, to the bit."""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np

from thermofab.hw.spec import Ledger, Program, Samples, Schedule, SpecError, open_device

_RETRIES = 5


def parts_of(replicas: int, size: int) -> list[tuple[int, int]]:
    """Replicas 0…R-1 in parts of at most ``size``, as ``(first, last)`` with ``last`` not in it.

    Raises:
        SpecError: a number below 1.
    """
    if replicas < 1 or size < 1:
        raise SpecError(f"a campaign has at least one replica, in parts of at least one; got {replicas} and {size}.")
    return [(first, min(first + size, replicas)) for first in range(0, replicas, size)]


def sample_part(
    program: Mapping[str, Any], schedule: Mapping[str, Any], first: int, last: int, seed: int, device: str
) -> tuple[np.ndarray, Ledger]:
    """What a worker runs: states of all sites bool ``[last - first, S, N]``, packed along the last axis, and costs.

    Raises:
        SpecError: the device is no simulator.
    """
    from thermofab.sim.simulated import SimulatedDevice

    compiled = Program.from_json(dict(program))
    running = open_device(device, compiled.fabric)
    if not isinstance(running, SimulatedDevice):
        raise SpecError(f"{device} runs replicas from the first on only; take a simulator, such as native or jax.")
    running.load(compiled.image)
    made = running.run_part(Schedule.from_json(dict(schedule)), first, last, seed=seed)
    return np.packbits(made.sites, axis=2), made.ledger


def sample_campaign(
    program: Program,
    schedule: Schedule,
    *,
    replicas: int,
    executor: str | None = None,
    seed: int = 0,
    device: str = "native",
    size: int = 16,
) -> Samples:
    """Run a program in parts.

    Args:
        program: without checks: samples that would be discarded are a matter of the whole run.
        schedule, replicas, seed, device: as in :meth:`thermofab.Program.sample`.
        executor: ``None`` or ``"here"``, ``"dask://local:N"`` or ``"dask://HOST:PORT"``; a part whose worker dies is
            run again by another.
        size: replicas a part.

    Returns:
        The samples of ``program.sample(schedule, replicas=replicas, seed=seed, device=device)``, bit for bit.

    Raises:
        SpecError: a program with checks or clamped nodes, or another device than a simulator.
    """
    if program.checks or any(program.clamped_blocks):
        raise SpecError(
            "a campaign runs programs without clamped nodes and without copies that may disagree; compile with "
            "pipeline='strict', or sample in one process."
        )
    from thermofab.apps.explore.executor import dask_client

    given = program.to_json(), schedule.to_json()
    parts = parts_of(replicas, size)
    here = executor is None or executor == "here"
    with nullcontext() if executor is None or here else dask_client(executor) as client:
        if client is None:
            made = [sample_part(*given, first, last, seed, device) for first, last in parts]
        else:
            (shared,) = client.scatter([given[0]], broadcast=False, hash=False)
            futures = [
                client.submit(sample_part, shared, given[1], first, last, seed, device, pure=False, retries=_RETRIES)
                for first, last in parts
            ]
            made = client.gather(futures)
    states = np.concatenate([np.unpackbits(packed, axis=2, count=program.fabric.n_sites) for packed, _ in made])
    ledger = made[0][1]
    for _, other in made[1:]:
        ledger = ledger.plus(other)
    image = program.image if seed == program.image.seed else program.image.replace(seed=seed)
    samples = Samples(states.astype(bool), image, schedule, device, ledger)
    decoded = samples.decoded(program, program.node_blocks(None))
    decoded.warn_unless_mixed()
    return decoded
