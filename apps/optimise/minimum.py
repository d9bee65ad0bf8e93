"""Minimum: what a search found, in the problem's own convention."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from thermofab.apps.optimise.bounds import Bound
from thermofab.apps.optimise.budget import Budget

if TYPE_CHECKING:
    import dimod


@dataclass(frozen=True)
class Run:
    """One of the independent runs of a search: its sweeps, the best and the mean value of its reads, its seconds."""

    sweeps: int
    best: float
    mean: float
    seconds: float


@dataclass(frozen=True, eq=False)
class Minimum:
    """The best that was found.

    All states are local minima: no change of one variable betters them.

    Attributes:
        value: the least energy, constants included; of a graph the largest cut.
        state: the value of every variable there: ±1, or 0 and 1 where the problem has binary variables or is a graph.
        values: float64 ``[reads of all runs]``, what every read ended in.
        successes: reads that ended in ``value``.
        nodes: the problem's variables.
        states: int8 ``[k, n]``, the lowest of them, as many as a run has reads, best first; columns as in ``nodes``.
        energies: float64 ``[k]``, theirs; minus the cut for a graph.
        flips: updates of a spin, over all reads.
        seconds: wall-clock time.
        method, why: how it was searched, and why so.
        betas: the β levels, hottest first, in units of one over the problem's energy.
        fabric: what it ran on, and whether couplings were held exactly.
        runs: the runs, in order.
        bound: a proof that no state is better than so; ``None`` if not asked for.
    """

    value: float
    state: Mapping[Hashable, int]
    values: np.ndarray
    successes: int
    nodes: tuple[Hashable, ...]
    states: np.ndarray
    energies: np.ndarray
    vartype: str
    kind: str
    flips: int
    seconds: float
    method: str
    why: str
    betas: tuple[float, ...]
    fabric: str
    runs: tuple[Run, ...]
    bound: Bound | None = None

    @property
    def budget_used(self) -> Budget:
        """What repeats the search bit for bit, with the same seed and reads."""
        return Budget(sweeps=tuple(run.sweeps for run in self.runs))

    @property
    def gap(self) -> float | None:
        """How far the bound is from ``value``; 0 where the optimum is proven, ``None`` without a bound."""
        return None if self.bound is None else abs(self.bound.value - self.value)

    @cached_property
    def sampleset(self) -> "dimod.SampleSet":
        """``states`` as dimod has them; the energy of a graph is minus its cut."""
        import dimod

        return dimod.SampleSet.from_samples(
            (self.states, list(self.nodes)), energy=self.energies, vartype=self.vartype,
            info={"method": self.method, "flips": self.flips, "seconds": self.seconds},
        )  # fmt: skip

    def __str__(self) -> str:
        what = "cut" if self.kind == "cut" else "energy"
        proven = "" if self.bound is None else f"\nbound {self.bound.value:.10g} ({self.bound.how}), gap {self.gap:.4g}"
        return (
            f"{what} {self.value:.10g} in {self.successes} of {len(self.values)} reads, {len(self.runs)} runs of up to "
            f"{max(run.sweeps for run in self.runs)} sweeps\n"
            f"{self.method} ({self.why}), β {self.betas[0]:.3g} to {self.betas[-1]:.3g} in {len(self.betas)} levels, "
            f"{self.flips:.3g} flips, {self.seconds:.3g} s\n{self.fabric}{proven}"
        )
