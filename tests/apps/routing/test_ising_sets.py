"""Sets of experts on a fabric: the distribution asked for, exact propensities, clamps, the same bits on every device.

Statistical tests have a false-alarm probability below 1e-7 each.
"""

import numpy as np
import pytest
from scipy import stats

from thermofab.apps.routing.ising import SetSampler, numbers, wanted_distribution
from thermofab.hw.spec import SpecError


def pair_terms(experts: int, seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(scale=0.7, size=(experts, experts))
    pairs = (drawn + drawn.T) / 2
    np.fill_diagonal(pairs, 0)
    return pairs


@pytest.fixture(scope="module")
def six() -> SetSampler:
    return SetSampler(6, pair_terms(6, 1))


SCORES = np.random.default_rng(5).normal(scale=2.0, size=(4, 6))


@pytest.mark.parametrize("k", [1, 2, 4])
def test_the_enumerated_distribution_is_the_one_asked_for(six, k):
    off = np.abs(six.distribution(SCORES, k) - wanted_distribution(SCORES, six.pairs, k)).sum(axis=1) / 2
    assert off.max() < 0.02


def test_pair_terms_matter_to_it(six):
    without = wanted_distribution(SCORES, np.zeros((6, 6)), 2)
    assert (np.abs(six.distribution(SCORES, 2) - without).sum(axis=1) / 2).max() > 0.1


def test_draws_have_the_enumerated_distribution(six):
    count = 4000
    draws = six.draw(np.repeat(SCORES[:1], count, axis=0), 2, seed=3)
    expected = six.distribution(SCORES[:1], 2)[0] * count
    seen = np.bincount(numbers(draws.sets), minlength=64)
    kept = expected > 5
    rest = seen[~kept].sum(), expected[~kept].sum()
    observed, wanted = np.append(seen[kept], rest[0]), np.append(expected[kept], rest[1])
    assert stats.chisquare(observed, wanted * observed.sum() / wanted.sum()).pvalue > 1e-7


def test_every_draw_carries_its_own_propensity(six):
    draws = six.draw(SCORES, 3, seed=11)
    rows = np.arange(len(SCORES))
    assert np.allclose(draws.propensities, six.distribution(SCORES, 3)[rows, numbers(draws.sets)])
    assert (draws.sets.sum(axis=1) == 3).all()


def test_few_sweeps_and_one_chain_still_have_exact_propensities():
    hasty = SetSampler(4, pair_terms(4, 2) * 2, chains=1, sweeps=1)
    scores = np.array([[2.0, -1.0, 0.5, 0.0]])
    distribution = hasty.distribution(scores, 2)[0]
    assert distribution.sum() == pytest.approx(1.0)
    count = 6000
    draws = hasty.draw(scores.repeat(count, axis=0), 2, seed=9)
    assert draws.missed.any(), "one chain should sometimes hold another number of experts"
    seen = np.bincount(numbers(draws.sets), minlength=16)
    possible = distribution > 0
    assert stats.chisquare(seen[possible], distribution[possible] * count).pvalue > 1e-7


def test_asked_and_excluded_experts_are_clamped(six):
    asked, excluded = np.zeros((4, 6), dtype=bool), np.zeros((4, 6), dtype=bool)
    asked[:, 5], excluded[:, 0] = True, True
    draws = six.draw(SCORES, 3, seed=2, asked=asked, excluded=excluded)
    assert draws.sets[:, 5].all() and not draws.sets[:, 0].any()
    sets = six.distribution(SCORES, 3, asked, excluded)
    impossible = (np.arange(64) & 1 > 0) | (np.arange(64) >> 5 & 1 == 0)
    assert sets[:, impossible].sum() == 0 and sets.sum(axis=1) == pytest.approx(np.ones(4))


@pytest.mark.parametrize("device", ["jax", "reference"])
def test_the_same_sets_on_every_device(six, device):
    other = SetSampler(6, six.pairs, device=device)
    assert np.array_equal(other.draw(SCORES, 2, seed=4).sets, six.draw(SCORES, 2, seed=4).sets)


def test_a_low_temperature_takes_the_best_set(six):
    sharp = SCORES / 0.05
    best = wanted_distribution(sharp, six.pairs, 2).argmax(axis=1)
    assert np.array_equal(numbers(six.draw(sharp, 2, seed=1).sets), best)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda s: SetSampler(1), "2 to 16 experts"),
        (lambda s: SetSampler(17), "2 to 16 experts"),
        (lambda s: SetSampler(3, np.ones((3, 3))), "symmetric"),
        (lambda s: s.draw(SCORES[:, :5], 2, seed=0), "of shape"),
        (lambda s: s.draw(SCORES * np.nan, 2, seed=0), "finite"),
        (lambda s: s.draw(SCORES, 0, seed=0), "no set of 0"),
        (lambda s: s.draw(SCORES, 7, seed=0), "no set of 7"),
        (lambda s: s.draw(SCORES, 2, seed=0, asked=np.ones((4, 6), bool)), "no set of 2"),
    ],
)
def test_what_cannot_be_drawn_is_refused(six, call, words):
    with pytest.raises(SpecError, match=words):
        call(six)
