"""How much a fabric may deviate before an application suffers: what a maker of chips must guarantee."""

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from thermofab.apps.profile.deviations import FULL_BITS, Build, Kind
from thermofab.hw.spec import Program, Samples, Schedule
from thermofab.hw.spec.errors import DistributionWarning, MixingWarning

SIGMAS = 2.0  # standard errors that a loss must stay below what is allowed by


@dataclass(frozen=True, eq=False)
class Application:
    """A program with a figure of how well it does its work.

    Attributes:
        name, said: what it is, and what its loss is.
        build: its program, by weight bits.
        loss: of a run's samples, lower is better.
        allowed: how much more loss than on the fabric without deviations is borne.
        unit: of the loss.
        schedule, replicas: of a run.
    """

    name: str
    said: str
    build: Build
    loss: Callable[[Samples], float]
    allowed: float
    unit: str
    schedule: Schedule
    replicas: int = 256

    def run(self, program: Program, device: Any, seed: int) -> float:
        """The loss of one run."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MixingWarning)  # a stuck fabric is what is looked for
            return self.loss(program.sample(self.schedule, replicas=self.replicas, seed=seed, device=device))


@dataclass(frozen=True)
class Point:
    """Loss beyond that of the exact fabric at one amount: mean and standard error over fabrications, and the worst."""

    amount: float
    more: float
    error: float
    worst: float
    fabrications: int


@dataclass(frozen=True)
class Tolerance:
    """What one application bears of one kind.

    Attributes:
        points: from gentle to harsh, up to the first that is not borne.
        borne: the largest amount before which nothing was refused; ``None`` where the gentlest is too much.
        refused: the first amount that is too much; ``None`` where all were borne.
    """

    application: str
    kind: str
    unit: str
    points: tuple[Point, ...]
    borne: float | None
    refused: float | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def base_loss(application: Application, runs: int = 8, seed: int = 0) -> tuple[float, float]:
    """The loss without deviations: mean and standard error over runs of different seeds."""
    program = application.build(FULL_BITS)
    losses = [application.run(program, "jax", seed + k) for k in range(runs)]
    return float(np.mean(losses)), float(np.std(losses, ddof=1) / np.sqrt(runs))


def tolerance(
    application: Application,
    kind: Kind,
    base: tuple[float, float],
    *,
    fabrications: int = 8,
    seed: int = 0,
    progress: Callable[[str], None] = lambda text: None,
) -> Tolerance:
    """The largest amount of ``kind`` that an application bears: at every amount up to it, the mean loss over
    fabrications plus two standard errors exceeds the base by no more than is allowed.

    Args:
        base: of :func:`base_loss`.
        fabrications: seeds of the deviation, and runs; at least 2.
    """
    points, borne, refused = [], None, None
    for amount in kind.amounts:
        progress(f"{application.name}, {kind.name} {amount:g}")
        losses = []
        made: tuple[Program, Any] | None = None
        for k in range(fabrications):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DistributionWarning)  # coarse weights are what is asked for
                made = kind.deviate(application.build, amount, seed + k) if kind.drawn or made is None else made
            losses.append(application.run(*made, seed=seed + 1000 + k))
        more = np.array(losses) - base[0]
        error = float(np.hypot(np.std(losses, ddof=1) / np.sqrt(fabrications), base[1]))
        points.append(Point(float(amount), float(more.mean()), error, float(more.max()), fabrications))
        if more.mean() + SIGMAS * error > application.allowed:
            refused = float(amount)
            break
        borne = float(amount)
    return Tolerance(application.name, kind.name, kind.unit, tuple(points), borne, refused)
