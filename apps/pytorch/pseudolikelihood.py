r"""The inverse temperature that samples look to be drawn at: the β of greatest pseudo-likelihood (Besag 1975).

    ℓ(β) = Σ_samples Σ_i ln P_β(s_i | the others) = Σ ln σ(β x),   x = -2 s_i (h_i + Σ_j J_ij s_j).

ℓ is concave in β, so its slope Σ x σ(-βx) has one zero.
"""

import numpy as np
from scipy.optimize import root_scalar
from scipy.special import expit

from thermofab.hw.spec import SpecError

_LARGEST = 2.0**20


def maximum_pseudolikelihood(gains: np.ndarray) -> float:
    """The β that ``gains`` x, of any shape, call for.

    Raises:
        SpecError: all gains are 0, or all of one sign, so that no β is the best one.
    """
    x = np.asarray(gains, dtype=np.float64).reshape(-1)

    def slope(beta: float) -> float:
        return float(np.mean(x * expit(-beta * x)))

    if not np.any(x):
        raise SpecError("every local field of these samples is 0, so they say nothing of β; the weights are all 0.")
    if np.all(x >= 0) or np.all(x <= 0):
        sign = "along" if np.all(x >= 0) else "against"
        raise SpecError(
            f"every spin of these samples points {sign} its field, so no finite β is best; take more samples."
        )
    reach = 1.0
    while slope(-reach) < 0 or slope(reach) > 0:
        reach *= 2
        if reach > _LARGEST:
            raise SpecError(f"the best β is beyond ±{_LARGEST:g}; take more samples.")
    return float(root_scalar(slope, bracket=(-reach, reach), xtol=1e-12).root)
