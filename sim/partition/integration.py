"""Thermodynamic integration: ln Z(1) - ln Z(0) = -∫ <u> dβ, u being the exponent at β = 1.

<u> has the derivative -Var u, which the same samples give. The trapezoid rule with end corrections of it (cubic Hermite
interpolation) integrates to fourth order in the gaps h,

    ∫ ≈ Σ h/2 (f₀ + f₁) + h²/12 (f₀' - f₁'),     f = -<u>, f' = Var u,

so that the same rule on every second level differs by sixteen times the error: the rule's error is a fifteenth of the
differences, panel by panel and signs aside.
"""

import numpy as np


def hermite(betas: np.ndarray, means: np.ndarray, variances: np.ndarray) -> float:
    """ln Z(β_last) - ln Z(β_first).

    Args:
        betas: float ``[L]``, ascending.
        means, variances: of u at every β, float ``[L]``.
    """
    return float(_panels(betas, -means, variances).sum())


def quadrature_error(betas: np.ndarray, means: np.ndarray, variances: np.ndarray) -> float:
    """What the rule is off by, estimated; with two levels only, all that the end corrections come to."""
    fine = _panels(betas, -means, variances)
    if len(betas) < 3:
        return float(abs(fine.sum() - _panels(betas, -means, np.zeros_like(variances)).sum()))
    pairs = (len(betas) - 1) // 2
    # An odd number of panels: the last but one is looked at twice.
    starts = [*range(0, 2 * pairs, 2), *([len(betas) - 3] if len(betas) % 2 == 0 else [])]
    coarse = [_panels(betas[[k, k + 2]], -means[[k, k + 2]], variances[[k, k + 2]])[0] for k in starts]
    return float(sum(abs(fine[k] + fine[k + 1] - wide) for k, wide in zip(starts, coarse)) / 15)


def _panels(betas: np.ndarray, f: np.ndarray, slope: np.ndarray) -> np.ndarray:
    h = np.diff(betas)
    return h / 2 * (f[:-1] + f[1:]) + h**2 / 12 * (slope[:-1] - slope[1:])
