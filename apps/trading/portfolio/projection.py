"""Projection: the pair tables whose distribution of cells has the same pair marginals as a copula.

Of all distributions that pair tables can hold it is the one nearest to the copula's own cells (in KL), and the only one
with these marginals. Marginals come from a t's conditional distribution, integrated over each state by Gauss and
Legendre's rule, once on a grid of correlations; tables from them by iterative proportional fitting (Deming & Stephan
1940), started from the tables of a day before where there are any.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import ndtr, stdtr

from thermofab.apps.trading.portfolio.cells import EDGES, STATES, WIDTHS, pairs_of
from thermofab.apps.trading.portfolio.copula import Copula, scores
from thermofab.apps.trading.portfolio.tables import Tables, log_weights, pair_marginals
from thermofab.hw.spec import SpecError

_NODES = 24  # of the rule within a state
_GRID = np.tanh(np.linspace(-3.3, 3.3, 133))  # correlations up to ±.997
CLOSE = 1e-6  # how near a pair's marginals are brought to the copula's, in the largest difference
_MOST = 2000  # rounds


@dataclass(frozen=True)
class PairCells:
    """Probabilities of two assets' cells under a t copula of ``degrees`` of freedom, as a function of correlation."""

    degrees: float

    @cached_property
    def _spline(self) -> CubicSpline:
        return CubicSpline(_GRID, np.stack([pair_cells(rho, self.degrees) for rho in _GRID]))

    def __call__(self, correlations: np.ndarray) -> np.ndarray:
        """float64 ``[..., 8, 8]`` of correlations ``[...]``; beyond ±.997 those of ±.997."""
        return np.maximum(self._spline(np.clip(correlations, _GRID[0], _GRID[-1])), 1e-12)

    def of(self, correlation: np.ndarray) -> np.ndarray:
        """float64 ``[..., pairs, 8, 8]`` of correlation matrices ``[..., d, d]``."""
        i, j = np.array(pairs_of(correlation.shape[-1])).T
        return self(correlation[..., i, j])


def pair_cells(correlation: float, degrees: float) -> np.ndarray:
    """Probabilities of the 64 cells of two assets, float64 ``[8, 8]``."""
    node, weight = np.polynomial.legendre.leggauss(_NODES)
    node, weight = (node + 1) / 2, weight / 2
    made = np.empty((STATES, STATES))
    edges = scores(EDGES, degrees)
    for k in range(STATES):
        # In the outer states the integrand varies with the logarithm of u: points crowd towards the corner.
        power = 4 if k in (0, STATES - 1) else 1
        inside, share = WIDTHS[k] * node**power, WIDTHS[k] * weight * power * node ** (power - 1)
        x = scores(EDGES[k] + inside, degrees) if k < STATES - 1 else -scores(inside, degrees)
        spread = np.sqrt(1 - correlation**2)
        if np.isinf(degrees):
            below = ndtr((edges - correlation * x[:, None]) / spread)
        else:
            spread = spread * np.sqrt((degrees + x**2) / (degrees + 1))
            below = stdtr(degrees + 1, (edges - correlation * x[:, None]) / spread[:, None])
        made[k] = share @ np.diff(below, axis=1)
    made = np.maximum((made + made.T) / 2, 1e-12)
    for _ in range(50):  # both marginals to the last digit
        made *= (WIDTHS / made.sum(axis=1))[:, None]
        made *= WIDTHS / made.sum(axis=0)
    return (made + made.T) / 2


def project(targets: np.ndarray, start: Tables | None = None, close: float = CLOSE) -> Tables:
    """Tables whose pair marginals are ``targets`` float64 ``[pairs, 8, 8]``.

    Args:
        targets: probabilities above 0; all pairs of an asset agree about its own states.
        start: tables to start from; they change nothing but the time it takes.
        close: largest difference left.

    Raises:
        SpecError: targets that are no probabilities, or that no joint distribution has, nearly.
    """
    targets = np.asarray(targets, dtype=np.float64)
    d = int(round((1 + np.sqrt(1 + 8 * len(targets))) / 2))
    if not np.all(targets > 0) or np.abs(targets.sum(axis=(1, 2)) - 1).max() > 1e-6:
        raise SpecError("pair marginals to project on are above 0 and sum to 1 a pair.")
    begun = Tables.flat(d) if start is None else start
    single, pair = begun.single, begun.pair.copy()
    if start is None:
        single = np.tile(np.log(WIDTHS), (d, 1))
        outer = WIDTHS[:, None] * WIDTHS
        pair = 0.5 * np.log(targets / outer)
    weight = log_weights(single, pair)
    chance = np.exp(weight - weight.max())
    chance /= chance.sum()
    for _ in range(_MOST):
        worst = 0.0
        for k, (i, j) in enumerate(pairs_of(d)):
            now = _pair(chance, i, j)
            worst = max(worst, float(np.abs(now - targets[k]).max()))
            ratio = targets[k] / now
            pair[k] += np.log(ratio)
            chance *= ratio.reshape((STATES,) + (1,) * (j - i - 1) + (STATES,) + (1,) * (d - 1 - j))
        if worst < close:
            return Tables(single, pair, begun.single_shift[:0], begun.pair_shift[:0])
    raise SpecError(
        f"no pair tables were found with these marginals after {_MOST} rounds, the largest difference left is "
        f"{worst:.2g}: two assets may be nearly the same; leave one out."
    )


def _pair(chance: np.ndarray, i: int, j: int) -> np.ndarray:
    """The marginal of assets i < j."""
    d = chance.ndim
    shape = (STATES**i, STATES, STATES ** (j - i - 1), STATES, STATES ** (d - 1 - j))
    return chance.reshape(shape).sum(axis=4).sum(axis=(0, 2))


def mismatch(tables: Tables, targets: np.ndarray) -> float:
    """The largest difference between the tables' pair marginals and ``targets``."""
    return float(np.abs(pair_marginals(tables.probabilities) - targets).max())


def projected_tables(copula: Copula) -> Tables:
    """The pair tables whose cells have the copula's pair marginals."""
    return project(PairCells(copula.degrees).of(copula.correlation))
