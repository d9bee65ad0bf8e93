"""The ways to search, each as runs of so many sweeps, and which one a problem gets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from scipy.sparse import coo_matrix

from thermofab.apps.optimise.fitted import Fitted
from thermofab.compiler.annealing_range import annealing_range
from thermofab.hw.spec import Device, DiscreteModel, IsingModel, Schedule, SpecError
from thermofab.sim.tempering import Ladder, temper

METHODS = ("annealing", "tempering")
LEVELS = 64  # β levels of annealing
RUNGS, GROUP = 32, 4  # of tempering; ladders that trade clusters
# A lattice: bounded degree, and many pairs of sites that are two steps apart by more than one way.
_LATTICE_DEGREE, _LATTICE_SQUARES = 8, 0.5


class Method(Protocol):
    """Runs from random states.

    Attributes:
        name: one of :data:`METHODS`.
        spins_moved: updates of a spin in a sweep of all reads.
    """

    name: ClassVar[str]

    @property
    def spins_moved(self) -> int: ...

    def run(self, sweeps: int, seed: int) -> np.ndarray:
        """Site states bool ``[reads, N]`` that a run of ``sweeps`` sweeps ended in, or found."""
        ...


@dataclass(frozen=True, eq=False)
class Annealing:
    """Every read goes through the levels from the hottest to the coldest, as long at each."""

    fitted: Fitted
    device: Device
    reads: int
    name: ClassVar[str] = "annealing"

    @property
    def spins_moved(self) -> int:
        return self.reads * self.fitted.fabric.n_sites

    def run(self, sweeps: int, seed: int) -> np.ndarray:
        last = len(self.fitted.betas) - 1
        levels = np.linspace(0, last, min(sweeps, last + 1)).astype(int) if sweeps > 1 else np.array([last])
        ends = np.linspace(0, sweeps, len(levels) + 1).astype(int)
        phases = tuple((int(count), int(level)) for count, level in zip(np.diff(ends), levels))
        self.device.load(self.fitted.image)
        return self.device.run(Schedule(0, 1, 1, phases, last), replicas=self.reads, seed=seed).sites[:, 0]


@dataclass(frozen=True, eq=False)
class Tempering:
    """Every read is a ladder of rungs that exchange states; a sweep is one of all rungs, then an exchange."""

    fitted: Fitted
    device: Any
    reads: int
    name: ClassVar[str] = "tempering"

    @property
    def spins_moved(self) -> int:
        return self.reads * len(self.fitted.betas) * self.fitted.fabric.n_sites

    def run(self, sweeps: int, seed: int) -> np.ndarray:
        self.device.load(self.fitted.image)
        coldest_first = range(len(self.fitted.betas))[::-1]
        ladder = Ladder(tuple(coldest_first), tuple(self.fitted.betas[k] * self.fitted.step for k in coldest_first))
        group = GROUP if self.reads % GROUP == 0 else None
        # The colder half's clusters do all but as much as everyone's, in half the time.
        turning = None if group is None else (len(coldest_first) + 1) // 2
        found = temper(
            self.device, ladder, rounds=1, sweeps=1, warmup=sweeps - 1, replicas=self.reads, keep=(), group=group,
            cluster_rungs=turning, seed=seed,
        )  # fmt: skip
        return found.best_states


def choice(model: IsingModel | DiscreteModel) -> tuple[str, str]:
    """The method for a model and why."""
    if isinstance(model, DiscreteModel):
        return "annealing", "terms of more than two spins"
    if np.any(model.biases):
        return "annealing", "there are fields"
    if is_lattice(model):
        return "tempering", "a lattice without fields"
    return "annealing", "not a lattice"


def is_lattice(model: IsingModel) -> bool:
    """Whether degrees are small and squares abound, as on grids in two and three dimensions, open or closed."""
    i, j = model.edges[model.couplings != 0].T if len(model.edges) else np.zeros((2, 0), int)
    n = model.n_nodes
    near: Any = coo_matrix((np.ones(2 * len(i)), (np.r_[i, j], np.r_[j, i])), shape=(n, n)).tocsr()
    degrees = np.diff(near.indptr)
    if not len(i) or degrees.max() > _LATTICE_DEGREE:
        return False
    two: Any = coo_matrix(near @ near)
    squares = np.count_nonzero((two.row < two.col) & (two.data > 1))
    return bool(squares >= _LATTICE_SQUARES * n)


def checked_method(name: str | None, model: IsingModel | DiscreteModel, fabric: Any) -> tuple[str, str]:
    """The method asked for, or chosen.

    Raises:
        SpecError: there is no such method, or tempering is asked for where only annealing runs.
    """
    if name is None:
        chosen, why = choice(model)
        return (chosen, why) if fabric is None else ("annealing", "a fabric was given")
    if name not in METHODS:
        raise SpecError(f"unknown method {name!r}; known are {', '.join(METHODS)}.")
    if name == "tempering" and (fabric is not None or isinstance(model, DiscreteModel)):
        raise SpecError("tempering runs on pairs of spins on a fabric of their own graph; leave out fabric, or anneal.")
    return name, "asked for"


MAKERS: dict[str, Callable[[Fitted, Any, int], Method]] = {"annealing": Annealing, "tempering": Tempering}


def beta_range_of(method: str, model: IsingModel | DiscreteModel) -> tuple[float, float]:
    """(hottest, coldest) β for a model. A ladder's coldest rung should leave what it found alone, and its hottest need
    not melt it: on the 100×200 torus of Gset's G81, twice and 1.8 times annealing's ends cut most at equal sweeps.
    """
    hottest, coldest = annealing_range(model)
    if method == "annealing":
        return hottest, coldest
    return min(1.8 * hottest, coldest), 2.0 * coldest


def betas_of(method: str, hottest: float, coldest: float, levels: int) -> tuple[float, ...]:
    """β levels, hottest first: in equal steps for annealing, in equal ratios for tempering."""
    spread = np.linspace if method == "annealing" else np.geomspace
    return tuple(float(beta) for beta in spread(hottest, coldest, levels))
