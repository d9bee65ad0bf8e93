"""Which situations a run brings about, from its schedule, its clamps and the state that it starts from."""

from collections.abc import Sequence

import numpy as np

from thermofab.hw.host.driver import RunSettings
from thermofab.sim.cosim.coverage import Coverage
from thermofab.sim.reference import Chain


def cover_schedule(coverage: Coverage, run: RunSettings, phase_masks: Sequence[int], mask: int) -> None:
    """The bins ``schedule``."""
    hit, count, levels = coverage.hit, len(run.phases), {level for _, level in run.phases}
    hit("schedule: no phase", count == 0)
    hit("schedule: 1 to 15 phases", 0 < count < 16)
    hit("schedule: 16 phases", count == 16)
    hit("schedule: a phase of 0 sweeps", any(sweeps == 0 for sweeps, _ in run.phases))
    hit("schedule: the level changes between phases", len(levels) > 1)
    hit("schedule: the mask changes between phases", len(set(phase_masks)) > 1)
    hit("schedule: the mask changes from phases to samples", count and phase_masks[-1] != mask and run.samples > 1)
    for name, value in (("sample", run.samples), ("step", run.steps)):
        hit(f"schedule: 0 {name}s", value == 0)
        hit(f"schedule: 1 {name}", value == 1)
        hit(f"schedule: more {name}s", value > 1)


def cover_state(coverage: Coverage, chain: Chain, clamped: np.ndarray, mask: int, loaded: bool) -> None:
    """The bins ``state`` and ``clamps``; ``clamped``, bool ``[N]``, is clamp mask number ``mask``."""
    hit, held = coverage.hit, np.array(chain.n)[clamped]
    hit("state: states and generators loaded", loaded)
    hit("state: states and generators carried on", not loaded)
    hit("clamps: none", not clamped.any())
    hit("clamps: some", 0 < clamped.sum() < len(clamped))
    hit("clamps: all", clamped.all())
    hit("clamps: mask 1", mask == 1)
    hit("clamps: a site clamped at 0", (held == 0).any())
    hit("clamps: a site clamped at 1", (held == 1).any())
