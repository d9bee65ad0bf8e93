r"""Correlation that moves: Engle's (2002) dynamic conditional correlation of t scores, and the EWMA covariance.

With x = t⁻¹_ν(u), of unit variance when multiplied by √((ν-2)/ν) = e,

    Q_{k+1} = (1 - a - b) S + a e_k e_kᵀ + b Q_k,   R_k = diag(Q_k)^{-½} Q_k diag(Q_k)^{-½},

and a day's u has the t copula of R_k and ν. S is targeted: it is the mean of e eᵀ. This is the plain recursion, without
Aielli's (2013) correction of the target; a, b and ν maximise the copula's likelihood, the second stage after the
margins'. The recursion is linear, so that all days are filtered at once.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import minimize
from scipy.signal import lfilter

from thermofab.apps.trading.portfolio.copula import checked_uniforms, log_densities_of, scores
from thermofab.apps.trading.portfolio.remembered import remembered
from thermofab.hw.spec import SpecError

DEGREES = (2.5, 200.0)  # bounds of ν; at 200 the copula is normal for every purpose
_SUM = 0.9995  # a + b at most
_FEWEST = 250


def unit(covariance: np.ndarray) -> np.ndarray:
    """Correlations float64 ``[..., d, d]`` of covariances of the same shape."""
    scale = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    return covariance / (scale[..., :, None] * scale[..., None, :])


@dataclass(frozen=True, eq=False)
class Dynamic:
    """Parameters of the recursion.

    Attributes:
        a, b: of yesterday's product and of yesterday's Q.
        degrees: ν of the copula.
        target: S, float64 ``[d, d]``, of unit diagonal or nearly.
    """

    a: float
    b: float
    degrees: float
    target: np.ndarray

    @cached_property
    def unit_scale(self) -> float:
        """What makes a score's variance 1."""
        return float(np.sqrt((self.degrees - 2) / self.degrees))

    def scores(self, u: np.ndarray) -> np.ndarray:
        """e, of ``u``'s shape."""
        return self.unit_scale * scores(u, self.degrees)

    def step(self, q: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Q of the next day from Q float64 ``[..., d, d]`` and the day's u ``[..., d]``."""
        e = self.scores(u)
        return (1 - self.a - self.b) * self.target + self.a * e[..., :, None] * e[..., None, :] + self.b * q

    def states(self, u: np.ndarray) -> np.ndarray:
        """Q float64 ``[n + 1, d, d]`` of every day of u ``[n, d]`` and of the one after; it starts at the target."""
        e = self.scores(u)
        return _filtered(e[:, :, None] * e[:, None, :], self.a, self.b, self.target)

    def correlations(self, u: np.ndarray) -> np.ndarray:
        """R float64 ``[n + 1, d, d]`` of every day of u ``[n, d]``, each from the days before it, and of the next."""
        return unit(self.states(u))


def _filtered(products: np.ndarray, a: float, b: float, target: np.ndarray) -> np.ndarray:
    """Q ``[n + 1, d, d]`` from products ``[n, d, d]``: the recursion about the target, all days at once."""
    away = lfilter([a], [1.0, -b], products - target, axis=0)
    return target + np.concatenate([np.zeros((1, *target.shape)), away])


@remembered
def fit_dynamic(u: np.ndarray) -> Dynamic:
    """The recursion that makes u float64 ``[n, d]`` likeliest.

    Raises:
        SpecError: fewer than 250 days, or u not strictly between 0 and 1.
    """
    u = checked_uniforms(u)
    if len(u) < _FEWEST:
        raise SpecError(f"correlations are fitted to {_FEWEST} days at least, got {len(u)}.")

    def made(point: np.ndarray) -> Dynamic:
        total, share = _SUM / (1 + np.exp(-point[0])), 1 / (1 + np.exp(-point[1]))
        nu = float(np.clip(1 / point[2], *DEGREES))
        e = np.sqrt((nu - 2) / nu) * scores(u, nu)
        return Dynamic(float(total * share), float(total * (1 - share)), nu, e.T @ e / len(e))

    def loss(point: np.ndarray) -> float:
        model = made(point)
        return -float(np.mean(log_densities_of(u, model.correlations(u)[:-1], model.degrees)))

    # a + b = .97, a = .03 of it, ν = 8; bounds keep both shares and ν inside.
    start = np.array([-np.log(_SUM / 0.97 - 1), -np.log(1 / 0.03 - 1), 1 / 8])
    bounds = [(-2.0, 9.0), (-8.0, 1.0), (1 / DEGREES[1], 1 / DEGREES[0])]
    found = minimize(loss, start, method="L-BFGS-B", bounds=bounds, options={"maxiter": 60, "ftol": 1e-9})
    return made(found.x)


def ewma_covariances(returns: np.ndarray, decay: float = 0.94) -> np.ndarray:
    """Covariances float64 ``[n + 1, d, d]`` of every day, from the days before it, and of the next; means are 0
    (RiskMetrics 1996). The first is the mean product of the first 75 days."""
    products = returns[:, :, None] * returns[:, None, :]
    start = products[:75].mean(axis=0)
    return _filtered(products, 1 - decay, decay, start)
