"""Scenario reweighting: paths given weights that meet views and differ from equal ones as little as possible.

Entropy pooling (Meucci 2008): of all weights w on the paths whose expectations of some functions are what a view says,
those of the smallest Σ w log(w/w₀). They are w ∝ w₀ exp(Σ λ_k f_k); λ minimises a convex function.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from thermofab.apps.trading.portfolio.paths import PortfolioPaths
from thermofab.hw.spec import SpecError

_NEAR = 1e-4  # how near a view is met, in standard deviations of what it is about


@dataclass(frozen=True)
class View:
    """What is believed about an asset's log return over the first ``horizon`` days.

    Attributes:
        symbol: the asset.
        kind: ``"mean"``: it has expectation ``value``; ``"below"``: it is below ``level`` with probability ``value``.
        value: an expected log return, or a probability.
        level: a log return.
        horizon: days; by default all.
    """

    symbol: str
    kind: Literal["mean", "below"]
    value: float
    level: float = 0.0
    horizon: int | None = None


def reweighted(paths: PortfolioPaths, views: Sequence[View]) -> PortfolioPaths:
    """The same paths with weights that meet the views; :attr:`PortfolioPaths.effective` says what is left of them.

    Raises:
        SpecError: no view, one about an unknown asset or too many days, or views that no weights on these paths meet.
    """
    if not views:
        raise SpecError("reweighting needs a view at least.")
    values = np.stack([_values(paths, view) for view in views], axis=1)
    wanted = np.array([view.value for view in views], dtype=np.float64)
    for view, column in zip(views, values.T):
        if not column.min() < view.value < column.max():
            raise SpecError(
                f"no weights on these paths meet the view that {view.symbol}'s {view.kind} is {view.value:g}: theirs "
                f"lie between {column.min():.4g} and {column.max():.4g}."
            )
    scale = values.std(axis=0)
    gaps = (values - wanted) / scale
    base = np.full(len(gaps), -np.log(len(gaps))) if paths.weights is None else _logs(paths.weights)

    def dual(tilt: np.ndarray) -> tuple[float, np.ndarray]:
        log_weight = base + gaps @ tilt
        total = float(np.asarray(logsumexp(log_weight)))
        return total, np.exp(log_weight - total) @ gaps

    found = minimize(dual, np.zeros(len(views)), jac=True, method="BFGS", options={"gtol": 1e-8})
    log_weight = base + gaps @ found.x
    weights = np.exp(log_weight - logsumexp(log_weight))
    if np.abs(weights @ gaps).max() > _NEAR:
        raise SpecError("no weights on these paths meet all of these views together; leave one out or weaken it.")
    return replace(paths, weights=weights)


def _values(paths: PortfolioPaths, view: View) -> np.ndarray:
    """The function whose expectation the view is about, float64 ``[paths]``."""
    days = paths.returns.shape[1]
    if view.symbol not in paths.symbols:
        raise SpecError(f"a view names {view.symbol!r}, which is not among {', '.join(paths.symbols)}.")
    horizon = days if view.horizon is None else view.horizon
    if not 1 <= horizon <= days:
        raise SpecError(f"a view is about 1 to {days} days, got {horizon}.")
    if view.kind not in ("mean", "below"):
        raise SpecError(f"a view is of kind 'mean' or 'below', got {view.kind!r}.")
    total = paths.returns[:, :horizon, paths.symbols.index(view.symbol)].sum(axis=1)
    return total if view.kind == "mean" else (total < view.level).astype(np.float64)


def _logs(weights: np.ndarray) -> np.ndarray:
    return np.log(weights, where=weights > 0, out=np.full(len(weights), -np.inf))
