"""Levels by measurement: a pilot climbs from β = 0 by one standard deviation's worth of energy at a time.

The deviation σ(β) of the exponent is also how far apart neighbours are: levels at equal distances ∫σ dβ overlap alike
and add alike to the variance of weights, and the whole distance Λ says how many a method needs.
"""

from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec import RefusedError
from thermofab.sim.partition.climbing import PILOTS, Climber
from thermofab.sim.partition.correction import Correction

CHAINS, LEAD, SAMPLES, MOST = 16, 32, 64, 256


@dataclass(frozen=True)
class LadderPilot:
    """``betas`` from 0 to 1 and the deviations of the exponent at them; ``sweeps`` spent, summed over chains."""

    betas: tuple[float, ...]
    deviations: tuple[float, ...]
    sweeps: int

    @property
    def _distances(self) -> np.ndarray:
        between = (np.array(self.deviations)[1:] + np.array(self.deviations)[:-1]) / 2
        return np.concatenate([[0.0], np.cumsum(np.diff(self.betas) * between)])

    @property
    def length(self) -> float:
        """Λ = ∫σ dβ from 0 to 1."""
        return float(self._distances[-1])

    def ladder(self, count: int) -> tuple[float, ...]:
        """``count`` β from 0 to 1 at equal distances."""
        distances = self._distances
        if distances[-1] == 0:
            return tuple(np.linspace(0.0, 1.0, count).tolist())
        inner = np.interp(np.linspace(0.0, distances[-1], count)[1:-1], distances, self.betas)
        return (0.0, *inner.tolist(), 1.0)


def climb_pilot(climber: Climber, correction: Correction) -> LadderPilot:
    """Deviations by levels about one deviation apart, 16 chains of 96 sweeps at each.

    Raises:
        RefusedError: more than 256 levels would be needed.
    """
    betas, deviations = [0.0], [float(correction.exponents(climber.coins(CHAINS, SAMPLES // 8)).std())]
    states = climber.spread(climber.coins(CHAINS, 1)[:, 0])
    sweeps = 0
    while betas[-1] < 1:
        if len(betas) == MOST:
            raise RefusedError(
                f"more than {MOST} levels would be needed from β = 0 to the model's: this model is too large or too "
                "cold for ln Z by temperatures, unless levels=… gives them."
            )
        betas.append(min(1.0, betas[-1] + 1 / max(deviations[-1], 1e-9)))
        for rung in climber.climb((0.0, betas[-1]), CHAINS, PILOTS + len(betas)):
            rung.chains.set_states(states)
            energies = rung.energies(SAMPLES, LEAD)
            states = rung.chains.states()
        deviations.append(float(correction.scale * energies.std()))
        sweeps += CHAINS * (LEAD + SAMPLES)
    return LadderPilot(tuple(betas), tuple(deviations), sweeps)
