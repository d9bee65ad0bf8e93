r"""Whether a model that was chosen among several is better than a benchmark, or only the luckiest.

Per variant: the mean gain, Diebold & Mariano's p with Newey & West's variance, and Holm's (1979) p over all that were
tried. Of all together: Hansen's (2005) test of superior predictive ability on the stationary bootstrap, the p of *the
best of them is no better than the benchmark*. Deflated: the gain less what the best of V useless variants is expected
to show, its standard error times the mean of the largest of V normals (Bailey & López de Prado 2014).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from thermofab.apps.trading.scores import diebold_mariano, standard_error
from thermofab.hw.spec import SpecError

_EULER = 0.5772156649015329


@dataclass(frozen=True)
class Gain:
    """Of one variant over the benchmark.

    Attributes:
        mean: what it gains a day, in the scores' units.
        error: its standard error.
        p: Diebold-Mariano, two-sided.
        holm: the same after Holm, over all variants tried.
        deflated: the mean less what the luckiest of as many useless variants would show.
        probability: that the variant is better than such luck, Φ(deflated/error).
    """

    mean: float
    error: float
    p: float
    holm: float
    deflated: float
    probability: float


@dataclass(frozen=True)
class Significance:
    """Gains by variant.

    Attributes:
        gains: by name.
        tried: how many variants were tried, those that are not shown included.
        spa: Hansen's consistent p that no variant shown is better than the benchmark.
    """

    gains: dict[str, Gain]
    tried: int
    spa: float


def luckiest(tried: int) -> float:
    """Mean of the largest of ``tried`` standard normals, nearly; 0 of one."""
    if tried < 2:
        return 0.0
    return float((1 - _EULER) * norm.isf(1 / tried) + _EULER * norm.isf(1 / (tried * np.e)))


def holm(p: np.ndarray, tried: int | None = None) -> np.ndarray:
    """Holm's adjusted p of p float64 ``[v]``, of ``tried`` in all; those that are not given count as not smaller."""
    count = len(p) if tried is None else tried
    order = np.argsort(p)
    stepped = np.maximum.accumulate((count - np.arange(len(p))) * p[order])
    made = np.empty(len(p))
    made[order] = np.minimum(stepped, 1.0)
    return made


def significance(
    scores: Mapping[str, np.ndarray],
    benchmark: np.ndarray,
    *,
    tried: int | None = None,
    lags: int = 5,
    repetitions: int = 1000,
    seed: int = 0,
) -> Significance:
    """Of variants' daily scores ``[n]``, larger being better, against the benchmark's.

    Args:
        scores: by variant.
        benchmark: float64 ``[n]``.
        tried: variants tried in all, ``len(scores)`` or more.
        lags: over which daily gains may hang together.
        repetitions, seed: of the bootstrap.

    Raises:
        SpecError: no variant, scores of other lengths or not finite, or ``tried`` below what is given.
    """
    from arch.bootstrap import SPA

    if not scores:
        raise SpecError("significance needs one variant at least.")
    for name, values in scores.items():
        if np.shape(values) != np.shape(benchmark) or not np.all(np.isfinite(values)):
            raise SpecError(f"the scores of {name} must be finite, one for each of the benchmark's {len(benchmark)}.")
    count = len(scores) if tried is None else tried
    if count < len(scores):
        raise SpecError(f"{len(scores)} variants are given, so tried cannot be {count}.")
    p = np.array([diebold_mariano(values, benchmark, lags) for values in scores.values()])
    gains = {}
    for (name, values), one, adjusted in zip(scores.items(), p, holm(p, count)):
        mean, error = float(np.mean(values - benchmark)), standard_error(values - benchmark, lags)
        deflated = mean - error * luckiest(count)
        chance = float(norm.cdf(deflated / error)) if error > 0 else 0.5
        gains[name] = Gain(mean, error, float(one), float(adjusted), deflated, chance)
    losses = -np.stack(list(scores.values()), axis=1)
    differ = np.ptp(losses + benchmark[:, None], axis=0) > 0  # SPA divides by the spread of the differences
    if not differ.any():
        return Significance(gains, count, 1.0)
    test = SPA(-np.asarray(benchmark), losses[:, differ], reps=repetitions, bootstrap="stationary", seed=seed)
    test.compute()
    p_values: Any = test.pvalues
    return Significance(gains, count, float(p_values["consistent"]))
