"""How much a fabric may deviate before an application suffers: what a maker of chips must guarantee."""

import warnings
from collections.abc import Callable, Hashable, Mapping
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
        allowed: how much more loss than on the fabric without deviations is tolerated.
        unit: of the loss.
        schedule, replicas: of a run.
        clamp: nodes that are given in every run, as :meth:`Program.sample` takes them.
    """

    name: str
    said: str
    build: Build
    loss: Callable[[Samples], float]
    allowed: float
    unit: str
    schedule: Schedule
    replicas: int = 256
    clamp: Mapping[Hashable, Any] | None = None

    def run(self, program: Program, device: Any, seed: int) -> float:
        """The loss of one run."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MixingWarning)  # a stuck fabric is what is looked for
            drawn = program.sample(self.schedule, clamp=self.clamp, replicas=self.replicas, seed=seed, device=device)
            return self.loss(drawn)


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
        points: from gentle to harsh, up to the first that is not tolerated; by bisection, those that were run.
        borne: the largest amount before which none was too much; ``None`` where the gentlest is too much.
        refused: the first amount that is too much; ``None`` where all were tolerated.
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
        points.append(_point(application, kind, amount, base, fabrications, seed))
        if not is_borne(points[-1], application):
            refused = float(amount)
            break
        borne = float(amount)
    return Tolerance(application.name, kind.name, kind.unit, tuple(points), borne, refused)


def bisected(
    application: Application,
    kind: Kind,
    base: tuple[float, float],
    *,
    fabrications: int = 3,
    seed: int = 0,
    progress: Callable[[str], None] = lambda text: None,
) -> Tolerance:
    """As :func:`tolerance`, by bisection of the amounts, assuming that a tolerated amount implies all smaller ones: for
    kinds whose every run is compiled anew.
    """
    low, high, points = 0, len(kind.amounts), []
    while low < high:
        middle = (low + high) // 2
        progress(f"{application.name}, {kind.name} {kind.amounts[middle]:g}")
        points.append(_point(application, kind, kind.amounts[middle], base, fabrications, seed))
        low, high = (middle + 1, high) if is_borne(points[-1], application) else (low, middle)
    borne = float(kind.amounts[low - 1]) if low else None
    refused = float(kind.amounts[low]) if low < len(kind.amounts) else None
    points.sort(key=lambda point: kind.amounts.index(point.amount))
    return Tolerance(application.name, kind.name, kind.unit, tuple(points), borne, refused)


def is_borne(point: Point, application: Application) -> bool:
    """Whether the mean loss plus two standard errors is within what is allowed."""
    return point.more + SIGMAS * point.error <= application.allowed


def _point(
    application: Application, kind: Kind, amount: float, base: tuple[float, float], fabrications: int, seed: int
) -> Point:
    losses = []
    made: tuple[Program, Any] | None = None
    for k in range(fabrications):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DistributionWarning)  # coarse weights are what is asked for
            made = kind.deviate(application.build, amount, seed + k) if kind.drawn or made is None else made
        losses.append(application.run(*made, seed=seed + 1000 + k))
    more = np.array(losses) - base[0]
    error = float(np.hypot(np.std(losses, ddof=1) / np.sqrt(fabrications), base[1]))
    return Point(float(amount), float(more.mean()), error, float(more.max()), fabrications)
