"""Metrics of a run: how far its states are from a known distribution, and curves of autocorrelation and convergence."""

from collections.abc import Iterator

import numpy as np

from thermofab.apps.explore.record import Curve
from thermofab.hw.spec import DiscreteModel, IsingModel
from thermofab.hw.spec.convergence import autocorrelation
from thermofab.hw.spec.mixing import observables, split_r_hat

_POINTS = 32  # of a curve of lags
_PREFIXES = 10


def autocorrelation_time(series: np.ndarray) -> float:
    """Integrated autocorrelation time ½ + Σρ in samples of one observable, float ``[R, S]``; ½ where samples are
    independent, not a number where it never changes."""
    if not np.ptp(series) > 0:
        return float("nan")
    return float(autocorrelation([np.asarray(series)[..., None]])[1][0])


def autocorrelation_curve(model: IsingModel | DiscreteModel, states: np.ndarray, stride: int) -> Curve:
    """ρ of all observables together by the lag in sweeps, of chains ``[C, S, n]`` whose samples are ``stride`` apart:
    every lag at first, then ever fewer, to the first at which ρ is below 0.01."""
    rho, _ = autocorrelation(observables(model, states))
    # Beyond half of the chains' length few pairs are left.
    small = np.flatnonzero(rho < 0.01)
    last = min(small[0] if len(small) else len(rho), len(rho) // 2)
    lags = np.unique(np.geomspace(1, last + 1, _POINTS).round().astype(int)) - 1
    return tuple((float(lag * stride), float(rho[lag])) for lag in lags)


def prefixes(samples: int) -> Iterator[int]:
    """About ten numbers of samples, from 20 to all of them, in equal ratios."""
    yield from np.unique(np.geomspace(min(20, samples), samples, _PREFIXES).round().astype(int)).tolist()


def r_hat_of(model: IsingModel | DiscreteModel, states: np.ndarray, kept: np.ndarray) -> float:
    """Largest split R-hat of a program's observables."""
    return max(split_r_hat(part, kept) for part in observables(model, states))


def distance_from(
    states: np.ndarray, kept: np.ndarray, probabilities: np.ndarray, shape: tuple[int, ...]
) -> tuple[float, float]:
    """A total variation distance seen by a run, and its standard error.

    Half of the chains choose the set of states that are more frequent than they should be; on the other half its
    frequency less its probability is measured. This is at most the distance, and without bias: 0 is expected of chains
    of the right distribution.

    Args:
        states: of the nodes, int or bool ``[R, S, n]``.
        kept: bool ``[R, S]``, the samples that count.
        probabilities: the distribution, float64 ``[K]``.
        shape: states of every node; their product is K.
    """
    numbers: np.ndarray = np.asarray(
        np.ravel_multi_index(tuple(np.moveaxis(np.asarray(states).astype(np.int64), -1, 0)), shape)
    )
    half = len(numbers) // 2
    chosen = np.bincount(numbers[:half][kept[:half]], minlength=len(probabilities))
    over = chosen > probabilities * max(chosen.sum(), 1)
    weight = kept[half:].sum(axis=1)
    shares = np.array([over[row[use]].mean() for row, use in zip(numbers[half:], kept[half:]) if use.any()])
    shares = shares if len(shares) else np.zeros(1)
    weight = weight[weight > 0] if np.any(weight > 0) else np.ones(1)
    mean = float(np.average(shares, weights=weight))
    error = float(shares.std(ddof=1) / np.sqrt(len(shares))) if len(shares) > 1 else float("nan")
    return mean - float(probabilities[over].sum()), error
