"""Time to solution: t ln(0.01) / ln(1 - p) for runs of length t that hit with probability p, and how it grows.

The length t is one for all instances of a size, the one of a grid at which the median over instances is least. p is
(hits + ½)/(runs + 1), so that all runs hitting does not make it 1. Fewer than four hits count as none, and the time as
unbounded: the least over many lengths would else be that of a lucky run. Intervals are from resampled instances, and
the choice of t is made anew in every resample.
"""

from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec import SpecError

TARGET = 0.99
LEAST_HITS = 4
RESAMPLES = 1000


@dataclass(frozen=True)
class Best:
    """The least median time to solution of a size.

    Attributes:
        length: of a run, the one at which it is.
        median: over instances, in units of ``length``.
        low, high: 95% of the resampled medians.
        edge: the best length is the longest or the shortest of the grid, so that a better one may lie outside.
    """

    length: float
    median: float
    low: float
    high: float
    edge: bool


@dataclass(frozen=True)
class Growth:
    """log10 of the median = ``slope`` · N + ``constant``, by least squares, with 95% of the resampled fits."""

    slope: float
    slope_low: float
    slope_high: float
    constant: float
    constant_low: float
    constant_high: float


def time_to_solution(lengths: np.ndarray, hits: np.ndarray, runs: int) -> np.ndarray:
    """float64 of the shape of ``hits``, whose last axis is that of ``lengths``; infinite where too little hit.

    Runs that hit more often than 99 in 100 cost one run.

    Raises:
        SpecError: a number of hits is outside 0…``runs``.
    """
    hits = np.asarray(hits)
    if np.any((hits < 0) | (hits > runs)):
        raise SpecError(f"hits must lie in 0…{runs}, got {hits.min()}…{hits.max()}.")
    share = (hits + 0.5) / (runs + 1)
    repeats = np.maximum(1.0, np.log(1.0 - TARGET) / np.log1p(-share))
    return np.where(hits >= LEAST_HITS, np.asarray(lengths) * repeats, np.inf)


def hits_by(rounds: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """How many of the runs that hit in ``rounds`` had done so by each of ``lengths``: int64."""
    return (np.asarray(rounds)[:, None] <= np.asarray(lengths)[None]).sum(axis=0)


def length_grid(shortest: int, longest: int) -> np.ndarray:
    """Lengths √2 apart, int64, ``longest`` included where it is on the grid's way."""
    count = int(np.floor(2 * np.log2(longest / shortest) + 1e-9))
    return np.unique(np.rint(shortest * 2 ** (np.arange(count + 1) / 2)).astype(np.int64))


def best_of(lengths: np.ndarray, times: np.ndarray, *, seed: int = 0) -> Best:
    """The least median of ``times`` float64 ``[instances, lengths]``."""
    medians = _medians(times)
    best = int(medians.argmin())
    resampled = _resampled(times, seed).min(axis=1)
    low, high = np.quantile(resampled, [0.025, 0.975], method="nearest")
    edge = best in (0, len(lengths) - 1)
    return Best(float(lengths[best]), float(medians[best]), float(low), float(high), edge)


def growth(sizes: list[int], times: list[np.ndarray], *, seed: int = 0) -> Growth:
    """The fit over sizes, ``times`` float64 ``[instances, lengths]`` each; resamples that hold no bound are left out.

    Raises:
        SpecError: fewer than three sizes, or a median that is unbounded.
    """
    least = np.array([_medians(each).min() for each in times])
    if len(sizes) < 3 or not np.all(np.isfinite(least)):
        raise SpecError(f"a fit needs three sizes or more of finite medians, got {dict(zip(sizes, least))}.")
    slope, constant = np.polyfit(sizes, np.log10(least), 1)
    drawn = np.array([_resampled(each, seed + k).min(axis=1) for k, each in enumerate(times)])
    kept = np.log10(drawn[:, np.isfinite(drawn).all(axis=0)])
    slopes, constants = np.polyfit(sizes, kept, 1)
    ends = [*np.quantile(slopes, [0.025, 0.975]), *np.quantile(constants, [0.025, 0.975])]
    return Growth(float(slope), float(ends[0]), float(ends[1]), float(constant), float(ends[2]), float(ends[3]))


def _medians(times: np.ndarray) -> np.ndarray:
    """Over instances; of an even number the upper middle one, so that none is between a number and infinity."""
    return np.sort(times, axis=0)[len(times) // 2]


def _resampled(times: np.ndarray, seed: int) -> np.ndarray:
    """Medians ``[resamples, lengths]`` of instances drawn with replacement."""
    draw = np.random.default_rng([99, seed])
    return np.array([_medians(times[draw.integers(0, len(times), len(times))]) for _ in range(RESAMPLES)])
