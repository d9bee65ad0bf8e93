"""How good samples are: effective samples, R-hat, and the distance from the exact distribution with its error."""

from dataclasses import dataclass

import numpy as np

from thermofab.apps.profile.problem import Problem
from thermofab.hw.spec.mixing import effective_of, observables, split_r_hat

_DRAWS = 20


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
    codes = np.ravel_multi_index(tuple(states.reshape(-1, n).T.astype(np.int64)), problem.sizes)
    tv = 0.5 * np.abs(np.bincount(codes, minlength=len(truth)) / len(codes) - truth).sum()
    least, most = (_of_draws(truth, count, seed) for count in (chains * samples, max(1, round(effective))))
    error = float(np.std(most, ddof=1))
    return Quality(effective, r_hat, float(tv), float(np.mean(least)), float(np.mean(most)), error)


def _of_draws(truth: np.ndarray, count: int, seed: int) -> list[float]:
    """The distances of several histograms of ``count`` exact draws."""
    rng = np.random.default_rng(seed)
    return [0.5 * np.abs(rng.multinomial(count, truth) / count - truth).sum() for _ in range(_DRAWS)]
