"""Distances between distributions, their sampling error, and mixing."""

import numpy as np
from scipy.stats import binom


def state_numbers(states: np.ndarray) -> np.ndarray:
    """int64 ``[...]`` from bool ``[..., n]``; the first node is the most significant bit."""
    weights = 1 << np.arange(states.shape[-1])[::-1]
    return states.astype(np.int64) @ weights


def histogram(states: np.ndarray) -> np.ndarray:
    """Frequencies of all 2^n states, float64 ``[2^n]``, from bool ``[..., n]``."""
    n = states.shape[-1]
    counts = np.bincount(state_numbers(states).reshape(-1), minlength=2**n)
    return counts / counts.sum()


def sampling_floor(p: np.ndarray, samples: int) -> float:
    """Expected TV between ``p`` and the frequencies of m independent draws of it, ½ Σ_x E|X_x/m - p_x|.

    X_x is binomial; by de Moivre, E|X - mp| = 2 k (1-p) P(X = k) with k = ⌊mp⌋ + 1.
    """
    k = np.floor(samples * p) + 1
    return float((k * (1 - p) * binom.pmf(k, samples, p)).sum() / samples)


def deviation_bound(samples: int, probability: float) -> float:
    """TV of m independent draws exceeds its mean by more than this with at most this probability (McDiarmid: one
    draw moves the TV by at most 1/m, so P ≥ ε ≤ exp(-2 m ε²)).
    """
    return float(np.sqrt(np.log(1 / probability) / (2 * samples)))


def autocorrelation(series: np.ndarray, lags: int) -> np.ndarray:
    """Autocorrelation of chains ``[R, S]`` around their common mean, float64 ``[lags + 1]``."""
    x = series - series.mean()
    n = x.shape[1]
    covariance = np.array([np.mean(x[:, : n - lag] * x[:, lag:]) for lag in range(min(lags, n - 1) + 1)])
    return covariance / covariance[0] if covariance[0] > 0 else np.eye(1, len(covariance))[0]


def integrated_time(rho: np.ndarray) -> float:
    """τ = 1 + 2 Σ ρ, summed up to the first negative value: samples a chain needs for one independent one."""
    negative = np.flatnonzero(rho < 0)
    stop = negative[0] if len(negative) else len(rho)
    return float(1 + 2 * rho[1:stop].sum())
