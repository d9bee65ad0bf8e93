"""A long run in parts: chains of a program as tasks of an executor, put together as one process would have them.

A chain has the same bits whatever is run beside it, so the parts, in the order of the chains, are the whole run.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from thermofab.apps.executors import Executor
from thermofab.hw.spec import Program, Samples, Schedule, SpecError
from thermofab.hw.spec.memory import check_samples_fit

PER_TASK = 64  # chains; a task is to take longer than its way to a worker


@dataclass(frozen=True)
class Part:
    """Some chains of a run."""

    program: Program
    schedule: Schedule
    chains: range
    seed: int
    device: str


def run_part(part: Part) -> Samples:
    """What these chains sample."""
    return part.program.sample(part.schedule, replicas=part.chains, seed=part.seed, device=part.device)


def joined(parts: list[Samples]) -> Samples:
    """Chains of several runs as one run; what they cost is added up, seconds of several workers too."""
    first, ledger = parts[0], parts[0].ledger
    for part in parts[1:]:
        ledger = ledger.plus(part.ledger)
    return replace(first, sites=np.concatenate([part.sites for part in parts]), ledger=ledger)


def sample(
    program: Program,
    schedule: Schedule,
    executor: Executor,
    *,
    replicas: int,
    seed: int = 0,
    device: str = "jax",
    per_task: int = PER_TASK,
    done: Callable[[], None] = lambda: None,
) -> Samples:
    """The samples of ``program.sample(schedule, replicas=…, seed=…, device=…)``, by tasks of ``per_task`` chains.

    Args:
        program: compiled.
        schedule: of every chain.
        executor: where tasks run.
        replicas: chains.
        seed: of the run.
        device: by name; every worker opens its own.
        per_task: chains per task.
        done: called once per task that has ended.

    Raises:
        SpecError: a number below 1.
    """
    for name, value in (("replicas", replicas), ("per_task", per_task)):
        if value < 1:
            raise SpecError(f"{name} must be at least 1, got {value!r}.")
    check_samples_fit(replicas, schedule.n_samples, program.fabric.n_sites)  # here as well: all parts come together
    tasks = [Part(program, schedule, chains, seed, device) for chains in parts_of(replicas, per_task)]
    return joined(executor.map(run_part, tasks, done))


def parts_of(replicas: int, per_task: int) -> list[range]:
    """The chains of every task."""
    return [range(first, min(first + per_task, replicas)) for first in range(0, replicas, per_task)]
