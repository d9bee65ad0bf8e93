"""Scoreboard: runs the reference beside the fabric and compares every site after every sweep."""

import copy
from collections.abc import Iterator, Sequence

import numpy as np

from thermofab.hw.host.driver import RunSettings
from thermofab.sim.cosim.coverage import Coverage, probe
from thermofab.sim.reference import Chain

PROBED = 6  # sweeps of a run in which the arithmetic is looked at for coverage


class Scoreboard:
    """``compared``: site updates so far, of all runs; ``sweeps``: of this run."""

    def __init__(self, coverage: Coverage) -> None:
        self._chain: Chain | None = None
        self.expected_samples: list[int] = []
        self.compared = 0
        self.sweeps = 0
        self.coverage = coverage
        self._levels: list[tuple[int, int, bool]] = []
        self._masks: Sequence[np.ndarray] = ()

    @property
    def chain(self) -> Chain:
        """The reference of the run in hand."""
        assert self._chain is not None, "no run has begun"
        return self._chain

    def begin(
        self, chain: Chain, run: RunSettings, masks: Sequence[np.ndarray], phase_masks: Sequence[int], mask: int
    ) -> None:
        """A run from the state of ``chain``, clamped by these masks in its phases and samples."""
        self._chain, self.sweeps, self._masks = chain, 0, masks
        self._levels = list(sweeps_of(run, phase_masks, mask))
        self.expected_samples = [self.state] if run.samples and not run.phases else []

    @property
    def state(self) -> int:
        """The reference's, bit k for site k."""
        return sum(bit << k for k, bit in enumerate(self.chain.n))

    def sweep(self, state: int) -> None:
        """The fabric ended a sweep in ``state``."""
        assert self.sweeps < len(self._levels), "the fabric swept more often than the schedule says"
        level, mask, sampled = self._levels[self.sweeps]
        self.chain.clamped = self._masks[mask].tolist()
        if self.sweeps < PROBED:
            probe(copy.deepcopy(self.chain), level, self.coverage)
        self.chain.sweep(level)
        wrong = state ^ self.state
        sites = [k for k in range(len(self.chain.n)) if wrong >> k & 1]
        assert not wrong, f"after sweep {self.sweeps} at level {level}, sites {sites} differ from the reference"
        self.compared += len(self.chain.n)
        self.sweeps += 1
        if sampled:
            self.expected_samples.append(state)

    def finished(self) -> bool:
        return self.sweeps == len(self._levels)


def sweeps_of(run: RunSettings, phase_masks: Sequence[int], mask: int) -> Iterator[tuple[int, int, bool]]:
    """``(level, clamp mask, the state afterwards is a sample)`` of every sweep; 0 sweeps or steps count as 1."""
    before = [(level, m) for (sweeps, level), m in zip(run.phases, phase_masks) for _ in range(max(1, sweeps))]
    for k, (level, phase_mask) in enumerate(before):
        yield level, phase_mask, k == len(before) - 1 and run.samples > 0
    for _ in range(run.samples - 1):
        for step in range(max(1, run.steps)):
            yield run.level, mask, step == max(1, run.steps) - 1
