"""The demo's yardsticks, against draws and by hand."""

import numpy as np

from thermofab.apps.demo import measure


def test_the_sampling_floor_is_the_mean_distance_of_independent_draws():
    """Most states are drawn never or once, where a normal limit would be far too large. 400 repetitions: the mean's
    standard error is 0.0005, and the bound is ten of them (false-alarm probability below 1e-20)."""
    rng = np.random.default_rng(0)
    p, count = rng.dirichlet(np.full(2000, 0.2)), 900
    distances = [0.5 * np.abs(rng.multinomial(count, p) / count - p).sum() for _ in range(400)]
    error = np.std(distances) / np.sqrt(len(distances))
    assert abs(measure.sampling_floor(p, count) - np.mean(distances)) < 10 * error < 0.01


def test_time_of_a_chain_that_forgets_a_share_per_sample():
    """An autoregressive chain of coefficient a has τ = (1 + a)/(1 - a)."""
    rng = np.random.default_rng(1)
    chains = np.zeros((64, 4000))
    for k in range(1, chains.shape[1]):
        chains[:, k] = 0.5 * chains[:, k - 1] + rng.normal(size=64)
    assert abs(measure.integrated_time(measure.autocorrelation(chains, 30)) - 3) < 0.15
