"""Metrics of a run: effective samples, autocorrelation, and how far its states are from a known distribution."""

from collections.abc import Iterator

import numpy as np

from thermofab.hw.spec import DiscreteModel, IsingModel
from thermofab.hw.spec.mixing import effective_of

_FEW = 64  # observables held at once
_LAGS = 200


def observables(states: np.ndarray, model: IsingModel | DiscreteModel) -> Iterator[np.ndarray]:
    """What mixing is measured by, float64 ``[R, S, k]``, a few at a time: means of spins and of categories, and the
    products of spins that an Ising model couples.

    Args:
        states: of the nodes, ``[R, S, n]``.
        model: whose they are.
    """
    categories = np.asarray(model.categories)
    spins = np.flatnonzero(categories == 0)
    for first in range(0, len(spins), _FEW):
        yield np.where(states[..., spins[first : first + _FEW]], 1.0, -1.0)
    if isinstance(model, IsingModel):
        for first in range(0, len(model.edges), _FEW):
            i, j = model.edges[first : first + _FEW].T
            yield np.where(states[..., i] == states[..., j], 1.0, -1.0)
    for k in np.flatnonzero(categories):
        yield (states[..., k, None] == np.arange(categories[k])).astype(np.float64)


def effective_per_chain(states: np.ndarray, model: IsingModel | DiscreteModel, kept: np.ndarray) -> float:
    """Independent samples that a chain's averages are worth (:func:`~thermofab.hw.spec.mixing.effective_samples`)."""
    return effective_of(observables(states, model), kept)


def autocorrelation_time(series: np.ndarray) -> float:
    """Integrated autocorrelation time ½ + Σρ in samples, summed to the first lag beyond five times itself; ½ where
    samples are independent.

    Args:
        series: float ``[R, S]``, chains of one observable.
    """
    moved = np.asarray(series, dtype=np.float64) - np.mean(series)
    variance = float(np.mean(moved**2))
    if variance <= 1e-300:
        return float("nan")
    tau = 0.5
    for lag in range(1, min(_LAGS, moved.shape[1] - 1) + 1):
        tau += float(np.mean(moved[:, lag:] * moved[:, :-lag])) / variance
        if lag >= 5 * tau:
            break
    return tau


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
