"""How good samples are: effective samples, R-hat, and the distance from the exact distribution with its error."""

from dataclasses import dataclass

import numpy as np

from thermofab.apps.profile.problem import Problem
from thermofab.hw.spec.convergence import distance_of_draws, histogram_distance
from thermofab.hw.spec.mixing import effective_of, observables, split_r_hat


@dataclass(frozen=True)
class Quality:
    """Of samples ``[chains, samples, n]``.

    Attributes:
        effective: independent samples that all chains together are worth, by the spread of the chains' means; at most
            the samples there are.
        r_hat: largest split R-hat of at most 16 nodes.
        tv: total variation distance of the samples' histogram from the exact distribution; ``None`` where that has
            more than 2^16 states.
        tv_least: mean of that distance for as many independent draws of the exact distribution itself: a histogram of
            few samples is far from any distribution.
        tv_most, tv_error: mean and standard deviation for ``effective`` independent draws. Joint states forget faster
            than the means that effective samples are of, so a right method is between the two.
    """

    effective: float
    r_hat: float
    tv: float | None = None
    tv_least: float | None = None
    tv_most: float | None = None
    tv_error: float | None = None


def quality(problem: Problem, states: np.ndarray, seed: int = 0) -> Quality:
    """Of states, integers ``[chains, samples, n]``."""
    chains, samples, n = states.shape
    effective = min(chains * effective_of(observables(problem.model, states)), float(chains * samples))
    looked_at = states[:, :, np.unique(np.linspace(0, n - 1, min(n, 16)).astype(int))]
    r_hat = split_r_hat(looked_at.astype(np.float64))
    truth = problem.truth
    if truth is None:
        return Quality(effective, r_hat)
    least, _ = distance_of_draws(truth, chains * samples, seed)
    most, error = distance_of_draws(truth, max(1, round(effective)), seed)
    return Quality(
        effective, r_hat, histogram_distance(states.reshape(-1, n), problem.sizes, truth), least, most, error
    )
