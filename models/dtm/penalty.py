r"""The adaptive correlation penalty: keep every layer's chain fast by holding its correlations down.

Total correlation is KL(P(s | x^t) ‖ Π_i P(s_i | x^t)). The paper's gradient of it,

    E_{Π_i P(s_i | x^t)}[∂E] - E_{P(s | x^t)}[∂E],  which for J_ij is  Cov(s_i, s_j | x^t) averaged over x^t

(that of KL(Π ‖ P) with Π held fixed), is added to the gradient of -ln P with strength λ: it shrinks couplings by the
correlation they cause and leaves biases alone. λ follows the autocorrelation a at a lag, once an epoch, by the schedule
of a public replication of arXiv:2510.23972 (threshold a*): λ × (0.6 + 0.2 a/a*) below the threshold; × 1.2 if a is
above and rising (× 1.5 from 1.8 a*); else × 0.95. Under the floor of 0.001 λ is 0, and starts again from the floor.
"""

from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec import Counts, SpecError

FLOOR = 0.001


@dataclass(frozen=True)
class Penalty:
    """How strong the penalty is.

    Attributes:
        threshold: a*, the autocorrelation that is let pass; 0 leaves the penalty out altogether.
        start: λ of the first epoch.
    """

    threshold: float = 0.03
    start: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.threshold < 1 or self.start < 0:
            raise SpecError(
                f"threshold is an autocorrelation in 0…1 and start is at least 0, got {self.threshold} and "
                f"{self.start}."
            )

    def next_strength(self, strength: float, now: float, before: float | None) -> float:
        """λ of the next epoch from this one's, the autocorrelation ``now`` and that of the epoch ``before``."""
        if self.threshold == 0:
            return 0.0
        if now < self.threshold:
            changed = strength * (0.6 + 0.2 * max(now, 0.0) / self.threshold)
        elif before is None or now >= before:
            changed = max(strength, FLOOR) * (1.5 if now >= 1.8 * self.threshold else 1.2)
        else:
            changed = 0.95 * strength
        return changed if changed >= FLOOR else 0.0


def covariances(counts: Counts) -> np.ndarray:
    """Cov(s_i, s_j | the replica's clamps) of every edge, averaged over replicas: float64 ``[E]``.

    S samples per replica, taken as independent: hence S/(S-1).
    """
    if counts.samples < 2:
        raise SpecError("a covariance needs at least 2 samples per replica.")
    first = counts.first()
    i, j = counts.image.fabric.topology.edges.T
    inside = counts.second() - first[:, i] * first[:, j]
    return inside.mean(axis=0) * counts.samples / (counts.samples - 1)
