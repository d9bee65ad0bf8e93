"""The residual: what the days add to tables that start from a copula, held back by time-ordered cross-validation.

The days learnt from are cut in four; the second half's two quarters are forecast, each from all days before it, by the
projected t copula and a residual under every prior on offer. The prior whose forecasts were likeliest is taken, for all
kinds of machine; no residual at all is on offer as well. Marginals too are those of the days before: with marginals of
the whole stretch the earlier days would not be uniform by themselves, and a residual would learn that.
"""

import numpy as np

from thermofab.apps.trading.portfolio.cells import cell_numbers, encode
from thermofab.apps.trading.portfolio.copula import fit_copula
from thermofab.apps.trading.portfolio.fitting import Prior, evidence_of, fit_tables
from thermofab.apps.trading.portfolio.projection import projected_tables
from thermofab.apps.trading.portfolio.remembered import remembered
from thermofab.apps.trading.portfolio.tables import Tables

PRIORS: tuple[Prior | None, ...] = (None, Prior(10.0, 3.0), Prior(30.0, 3.0), Prior(100.0, 3.0))
_QUARTERS = (0.5, 0.75, 1.0)
_FEWEST = 250  # days that a fold learns from


def with_residual(start: Tables, states: np.ndarray, market: np.ndarray, prior: Prior | None) -> Tables:
    """``start`` and what days of ``states`` int ``[n, d]`` under market bits bool ``[n, k]`` add to it under ``prior``;
    what depends on the market bits stays as it is."""
    if prior is None:
        return start
    return fit_tables(start, evidence_of(states, market), prior, freeze=True)


@remembered
def chosen_prior(u: np.ndarray, priors: tuple[Prior | None, ...] = PRIORS) -> Prior | None:
    """By cross-validation on uniforms float64 ``[n, d]`` in the order of their days; none for fewer than 500 days."""
    n = len(u)
    if int(n * _QUARTERS[0]) < _FEWEST:
        return None
    none, gains = np.zeros((n, 0), dtype=bool), np.zeros(len(priors))
    for begin, end in zip(_QUARTERS, _QUARTERS[1:]):
        first, last = int(n * begin), int(n * end)
        known = as_known_after(u, first)
        states = encode(known)
        start, seen = projected_tables(fit_copula(known[:first])), cell_numbers(states[first:last])
        for k, prior in enumerate(priors):
            tables = with_residual(start, states[:first], none[:first], prior)
            gains[k] += tables.log_probabilities().reshape(-1)[seen].sum()
    return priors[int(gains.argmax())]


def as_known_after(u: np.ndarray, days: int) -> np.ndarray:
    """Uniforms float64 ``[n, d]`` by marginals of the first ``days`` alone: their ranks, and straight lines between."""
    ranks = (np.arange(days) + 0.5) / days
    return np.stack([np.interp(column, np.sort(column[:days]), ranks) for column in u.T], axis=1)
