r"""Gaussian and Student-t copulas: how assets move together, whatever each does by itself.

With x_i = t_ν⁻¹(u_i) and R a correlation matrix,

    log c(u) = log t_{ν,R}(x) - Σ_i log t_ν(x_i);   ν = ∞ is the Gaussian copula.

Boxes of the uniform cube are summed by separation of variables (Genz & Bretz 2002): one asset after another is confined
to its interval given those before, on a Sobol sequence, which needs some thousand points where a plain average would
need millions.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import chdtri, gammaln, ndtr, ndtri, stdtr, stdtrit
from scipy.stats import kendalltau, qmc

from thermofab.hw.spec import SpecError

POINTS = 2048  # of a box's quadrature
_SHIFTS = 8  # of the points, whose spread is the error
_DEGREES = (2.05, 200.0)  # where a fit looks; beyond is as good as Gaussian
_EDGE = 1e-12  # uniforms are kept so far from 0 and 1


@dataclass(frozen=True, eq=False)
class Copula:
    """``correlation`` float64 ``[d, d]`` and ``degrees`` of freedom, infinity for the Gaussian one.

    Raises:
        SpecError: the matrix is no correlation matrix, or degrees are not above 2.
    """

    correlation: np.ndarray
    degrees: float = np.inf

    def __post_init__(self) -> None:
        matrix = np.asarray(self.correlation, dtype=np.float64)
        square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1] >= 2
        if not square or not np.allclose(matrix, matrix.T) or not np.allclose(np.diag(matrix), 1, atol=1e-6):
            raise SpecError(f"a copula needs a symmetric correlation matrix of 2 assets and more, got {matrix!r}.")
        if not np.all(np.isfinite(matrix)) or np.linalg.eigvalsh(matrix)[0] < 1e-9:
            raise SpecError("the correlation matrix of a copula is not positive definite; are two assets the same?")
        if not self.degrees > 2:
            raise SpecError(f"degrees of freedom of a copula are above 2, got {self.degrees!r}.")
        object.__setattr__(self, "correlation", matrix)

    @property
    def assets(self) -> int:
        return len(self.correlation)

    @cached_property
    def factor(self) -> np.ndarray:
        """The lower Cholesky factor, float64 ``[d, d]``."""
        return np.linalg.cholesky(self.correlation)

    def scores(self, u: np.ndarray) -> np.ndarray:
        """t_ν⁻¹(u), float64 of the same shape."""
        return scores(u, self.degrees)

    def log_density(self, u: np.ndarray) -> np.ndarray:
        """log c(u), nats, float64 ``[n]`` of uniforms ``[n, d]``."""
        x = self.scores(u)
        inner = np.linalg.solve(self.factor, x.T)
        size = 2 * np.log(np.diag(self.factor)).sum()
        return log_density_of(x, (inner**2).sum(axis=0), size, self.degrees)

    def draws(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Uniforms float64 ``[n, d]``."""
        x = rng.standard_normal((n, self.assets)) @ self.factor.T
        if np.isinf(self.degrees):
            return np.clip(ndtr(x), _EDGE, 1 - _EDGE)
        x *= np.sqrt(self.degrees / rng.chisquare(self.degrees, (n, 1)))
        return np.clip(stdtr(self.degrees, x), _EDGE, 1 - _EDGE)

    def probabilities(self, low: np.ndarray, high: np.ndarray, points: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities of boxes from ``low`` to ``high`` float64 ``[n, d]``, and their standard errors, ``[n]``."""
        return box_probabilities(self.correlation, self.degrees, low, high, points)


def scores(u: np.ndarray, degrees: float) -> np.ndarray:
    """t_ν⁻¹(u), float64 of the same shape; 0 and 1 give infinities."""
    u = np.asarray(u, dtype=np.float64)
    if np.isinf(degrees):
        return ndtri(u)
    # SciPy's t gives +inf at 0 too.
    return np.where(u <= 0, -np.inf, stdtrit(degrees, u))


def log_density_of(x: np.ndarray, squares: np.ndarray, size: np.ndarray | float, degrees: float) -> np.ndarray:
    """log c from scores ``[n, d]``, x'R⁻¹x ``[n]`` and log det R (one, or ``[n]``); nats, float64 ``[n]``."""
    d = x.shape[-1]
    if np.isinf(degrees):
        return -0.5 * (squares - (x**2).sum(axis=-1)) - 0.5 * size
    constant = gammaln((degrees + d) / 2) + (d - 1) * gammaln(degrees / 2) - d * gammaln((degrees + 1) / 2)
    joint = -(degrees + d) / 2 * np.log1p(squares / degrees)
    return constant - 0.5 * size + joint + (degrees + 1) / 2 * np.log1p(x**2 / degrees).sum(axis=-1)


def log_densities_of(u: np.ndarray, correlations: np.ndarray, degrees: float) -> np.ndarray:
    """log c(u_k) of days ``[n, d]`` with a correlation matrix each, ``[n, d, d]``; float64 ``[n]``."""
    x = scores(u, degrees)
    inner = np.linalg.solve(correlations, x[..., None])[..., 0]
    return log_density_of(x, (x * inner).sum(axis=-1), np.linalg.slogdet(correlations)[1], degrees)


def confined(
    correlations: np.ndarray, degrees: float, low: np.ndarray, high: np.ndarray, uniform: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of points of boxes drawn asset by asset, each confined to its interval given those before.

    The asset of a box's narrowest interval is the first: it is uniform there, and what it says about the common scale
    of a t is known exactly, so boxes far out are drawn as well as others.

    Args:
        correlations: matrices ``[d, d]`` or ``[n, d, d]``.
        degrees: of freedom.
        low, high: boxes in the uniform cube, float64 ``[n, d]``.
        uniform: what is drawn with, float64 ``[n or 1, m, d + 1]``; the last column draws the t's common scale.

    Returns:
        scores float64 ``[n, m, d]`` of points inside the boxes, see :func:`points_of`, and log weights ``[n, m]``:
        their density over that of the drawing is proportional to exp(log weight), whose mean is the box's probability.
    """
    n, d = low.shape
    order = np.argsort(high - low, axis=1, kind="stable")
    each = np.broadcast_to(correlations, (n, d, d))
    rows = np.arange(n)[:, None]
    factors = np.linalg.cholesky(each[rows[:, :, None], order[:, :, None], order[:, None, :]])
    low, high = low[rows, order], high[rows, order]
    below, above = scores(low, degrees), scores(high, degrees)
    count = np.broadcast_shapes((n, 1), uniform.shape[:2])
    width = high[:, :1] - low[:, :1]
    first = scores(np.clip(low[:, :1] + width * uniform[..., 0], _EDGE, 1 - _EDGE), degrees)
    scale: np.ndarray | float = 1.0
    if not np.isinf(degrees):
        # Given one score x, the scale's square is a χ² of ν + 1 degrees over ν + x².
        scale = np.sqrt(chdtri(degrees + 1, 1 - uniform[..., d]) / (degrees + first**2))
    normal = np.zeros((*count, d))
    normal[..., 0] = scale * first
    log_weight = np.broadcast_to(np.log(width), count).copy()
    for k in range(1, d):
        mean = np.einsum("nmj,nj->nm", normal[..., :k], factors[:, k, :k])
        own = factors[:, k, k, None]
        start = (scale * below[:, k, None] - mean) / own
        end = (scale * above[:, k, None] - mean) / own
        # Upper tails lose digits as 1 - ε: they are reflected, which draws the same interval.
        flip = start > 0
        start, end = ndtr(np.where(flip, -end, start)), ndtr(np.where(flip, -start, end))
        inside = np.maximum(end - start, 1e-300)
        value = ndtri(np.clip(start + uniform[..., k] * inside, 1e-300, 1.0))
        normal[..., k] = np.where(flip, -value, value)
        log_weight += np.log(inside)
    x = np.empty_like(normal)
    made = np.einsum("nmj,nij->nmi", normal, factors) / (scale if np.isscalar(scale) else np.asarray(scale)[..., None])
    np.put_along_axis(x, np.broadcast_to(order[:, None], x.shape), made, axis=2)
    return x, log_weight


def points_of(x: np.ndarray, degrees: float, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Uniforms of scores, kept within bounds that have the same shape."""
    made = ndtr(x) if np.isinf(degrees) else stdtr(degrees, x)
    return np.clip(made, np.maximum(low, _EDGE), np.minimum(high, 1 - _EDGE))


def box_probabilities(
    correlations: np.ndarray, degrees: float, low: np.ndarray, high: np.ndarray, points: int = POINTS
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of boxes ``[n, d]`` and their standard errors, float64 ``[n]`` each; ``correlations`` is one matrix
    or one a box.

    Raises:
        SpecError: fewer than 2,048 points, which copula's cells in the tails need.
    """
    if points < POINTS:
        raise SpecError(f"the probability of a copula's box needs at least {POINTS:,} points, got {points:,}.")
    low, high = (np.asarray(edge, dtype=np.float64) for edge in (low, high))
    n, d = low.shape
    net = qmc.Sobol(d + 1, scramble=False).random(points // _SHIFTS)
    shifts = np.random.default_rng(2002).random((_SHIFTS, d + 1))
    uniform = np.clip((net[None] + shifts[:, None]) % 1.0, 1e-9, 1 - 1e-9)
    each = np.broadcast_to(correlations, (n, d, d))
    found = np.empty((n, _SHIFTS))
    for first in range(0, n, 512):
        rows = slice(first, first + 512)
        for k, block in enumerate(uniform):
            log_weight = confined(each[rows], degrees, low[rows], high[rows], block[None])[1]
            found[rows, k] = np.exp(log_weight).mean(axis=1)
    return found.mean(axis=1), found.std(axis=1, ddof=1) / np.sqrt(_SHIFTS)


def fit_copula(u: np.ndarray, kind: str = "t") -> Copula:
    """Fitted to uniforms float64 ``[n, d]`` by two stages: the correlations that Kendall's τ stands for, sin(πτ/2),
    brought to the nearest matrix with positive eigenvalues; then, of ``"t"``, the degrees of freedom by maximum
    likelihood, and correlations once more by maximum likelihood at these.

    Raises:
        SpecError: a kind other than ``"t"`` and ``"gaussian"``, fewer than 250 days, or values outside 0…1.
    """
    if kind not in ("t", "gaussian"):
        raise SpecError(f"a copula is 't' or 'gaussian', got {kind!r}.")
    u = checked_uniforms(u)
    if len(u) < 250:
        raise SpecError(f"a copula needs at least 250 days, got {len(u)}.")
    d = u.shape[1]
    rank = np.eye(d)
    for i in range(d):
        for j in range(i):
            tau: Any = kendalltau(u[:, i], u[:, j])
            rank[i, j] = rank[j, i] = np.sin(np.pi / 2 * tau.statistic)
    start = nearest_correlation(rank)
    if kind == "gaussian":
        return Copula(_likeliest(u, start, np.inf))
    degrees = likeliest_degrees(u, np.broadcast_to(start, (len(u), d, d)))
    matrix = _likeliest(u, start, degrees)
    return Copula(matrix, likeliest_degrees(u, np.broadcast_to(matrix, (len(u), d, d))))


def likeliest_degrees(u: np.ndarray, correlations: np.ndarray) -> float:
    """Degrees of freedom that make days ``[n, d]`` with their own matrices ``[n, d, d]`` likeliest."""

    def loss(log_degrees: float) -> float:
        return -float(log_densities_of(u, correlations, float(np.exp(log_degrees))).sum())

    found: Any = minimize_scalar(loss, bounds=tuple(np.log(_DEGREES)), method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x))


def nearest_correlation(matrix: np.ndarray, least: float = 1e-3) -> np.ndarray:
    """Eigenvalues raised to ``least``, and the diagonal scaled back to 1."""
    values, vectors = np.linalg.eigh(matrix)
    raised = (vectors * np.maximum(values, least)) @ vectors.T
    scale = np.sqrt(np.diag(raised))
    return raised / np.outer(scale, scale)


def checked_uniforms(u: np.ndarray) -> np.ndarray:
    """Float64 ``[n, d]``, strictly between 0 and 1, of two assets at least.

    Raises:
        SpecError: they are not.
    """
    u = np.asarray(u, dtype=np.float64)
    if u.ndim != 2 or u.shape[1] < 2:
        raise SpecError(f"uniforms have shape [days, assets] with 2 assets at least, got {list(u.shape)}.")
    if not np.all((u > 0) & (u < 1)):
        raise SpecError("uniforms lie strictly between 0 and 1; there is a NaN or a value outside among them.")
    return u


def _likeliest(u: np.ndarray, start: np.ndarray, degrees: float) -> np.ndarray:
    """The correlation matrix of maximum likelihood at ``degrees``; rows of its Cholesky factor are free directions."""
    d = len(start)
    rows, columns = np.tril_indices(d, -1)
    x = scores(u, degrees)

    def matrix(flat: np.ndarray) -> np.ndarray:
        lower = np.eye(d)
        lower[rows, columns] = flat
        lower /= np.linalg.norm(lower, axis=1, keepdims=True)
        return lower

    def loss(flat: np.ndarray) -> float:
        lower = matrix(flat)
        squares = (np.linalg.solve(lower, x.T) ** 2).sum(axis=0)
        return -float(log_density_of(x, squares, 2 * np.log(np.diag(lower)).sum(), degrees).mean())

    lower = np.linalg.cholesky(start)
    found = minimize(loss, (lower / np.diag(lower)[:, None])[rows, columns], method="BFGS", options={"gtol": 1e-6})
    lower = matrix(found.x)
    return lower @ lower.T
