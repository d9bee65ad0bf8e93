"""Chains that run on and on: what simulators have in common, so that moments, observers and tempering take any of them.

A :class:`Chains` object holds the states and generators of R replicas of one image. It sweeps, and its states can be
read and replaced between sweeps. However the sweeps are divided into calls, the bits are the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np

Phases = Sequence[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Request:
    """Samples to take and what to keep of them.

    Attributes:
        samples: how many, ≥ 1.
        lead: sweeps before the first of them.
        steps: sweeps before each of the others.
        level: β level of those sweeps.
        sites: ``True`` for all site states, an integer array for those of some sites, ``None`` for none.
        energies: whether to keep energies.
    """

    samples: int
    lead: int
    steps: int
    level: int
    sites: np.ndarray | bool | None = None
    energies: bool = False


@dataclass(frozen=True, eq=False)
class Chunk:
    """What was kept.

    Attributes:
        states: bool ``[R, S, sites]``.
        energies: int64 ``[R, S]``, E = -Σ b_i s_i - Σ w_ij s_i s_j in units of an integer weight.
    """

    states: np.ndarray | None
    energies: np.ndarray | None


@dataclass(eq=False)
class Tally:
    """Counts that grow: Σn_i int64 ``[R, N]`` and Σn_i·n_j int64 ``[R, E]`` over ``samples`` samples."""

    ones: np.ndarray
    both: np.ndarray
    samples: int = 0

    @staticmethod
    def empty(replicas: int, n_sites: int, n_edges: int) -> "Tally":
        return Tally(np.zeros((replicas, n_sites), np.int64), np.zeros((replicas, n_edges), np.int64))


class Chains(Protocol):
    """Running replicas of an image."""

    def advance(self, phases: Phases) -> None:
        """Sweep: ``(sweeps, β level)`` in turn."""
        ...

    def sample(self, request: Request, tally: Tally | None = None, phases: Phases = ()) -> Chunk:
        """``phases`` first, then the samples of ``request``; ``tally`` counts all of them."""
        ...

    def states(self) -> np.ndarray:
        """bool ``[R, N]``."""
        ...

    def set_states(self, states: np.ndarray) -> None:
        """Go on from other states, bool ``[R, N]``; generators go on as they are. Clamped sites keep what is given."""
        ...


@runtime_checkable
class EndingChains(Protocol):
    """Chains that can be told that they are not needed afterwards."""

    def whole(self, request: Request, tally: Tally | None = None, phases: Phases = ()) -> Chunk:
        """As :meth:`Chains.sample`; the chains have no state after it."""
        ...


def pieces(request: Request, most: int) -> Iterator[Request]:
    """A request in parts of at most ``most`` samples, the same samples in the same order."""
    for done in range(0, request.samples, most):
        part = replace(request, samples=min(most, request.samples - done))
        yield part if done == 0 else replace(part, lead=request.steps)
