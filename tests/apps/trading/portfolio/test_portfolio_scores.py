"""Scores from draws beside their definitions, and tests that find a better model where there is one."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from thermofab.apps.trading.portfolio.scores import energy_scores, tail_days, tails_of, variogram_scores
from thermofab.apps.trading.portfolio.significance import holm, luckiest, significance
from thermofab.hw.spec import SpecError


@pytest.fixture(scope="module")
def days():
    rng = np.random.default_rng(0)
    return rng.standard_normal((6, 41, 3)), rng.standard_normal((6, 3))


@pytest.mark.parametrize("m", [40, 41])
def test_the_energy_score_of_all_pairs_is_its_definition(days, m):
    draws, seen = days[0][:, :m], days[1]
    made = energy_scores(draws, seen, shifts=m)
    for x, y, score in zip(draws, seen, made):
        all_pairs = cdist(x, x).sum() / (m * (m - 1))
        assert np.isclose(score, cdist(x, y[None]).mean() - 0.5 * all_pairs, rtol=1e-12)


def test_fewer_pairs_estimate_the_same(days):
    rng = np.random.default_rng(1)
    draws, seen = rng.standard_normal((400, 200, 3)), rng.standard_normal((400, 3))
    gap = energy_scores(draws, seen) - energy_scores(draws, seen, shifts=100)
    assert abs(gap.mean()) < 6 * gap.std() / 20  # p < 1e-8
    assert np.abs(gap).max() < 0.2


@pytest.mark.parametrize("order", [0.5, 1.0])
def test_the_variogram_score_is_its_definition(days, order):
    draws, seen = days
    for x, y, score in zip(draws, seen, variogram_scores(draws, seen, order)):
        total = 0.0
        for i in range(3):
            for j in range(i + 1, 3):
                total += (abs(y[i] - y[j]) ** order - np.mean([abs(a[i] - a[j]) ** order for a in x])) ** 2
        assert np.isclose(score, total, rtol=1e-12)


def test_scores_are_least_for_the_truth():
    # Pairs of gains over 2,000 days: each mean is 8 standard errors and more from 0 with these seeds' distribution.
    rng = np.random.default_rng(2)
    truth = np.array([[1, 0.8], [0.8, 1]])
    seen = rng.multivariate_normal([0, 0], truth, 2000)
    right = rng.multivariate_normal([0, 0], truth, (2000, 300))
    wrong = rng.standard_normal((2000, 300, 2))
    for score in (energy_scores, lambda x, y: variogram_scores(x, y, 0.5)):
        gap = score(wrong, seen) - score(right, seen)
        assert gap.mean() > 5 * gap.std() / np.sqrt(2000)


def test_bad_shapes_are_refused(days):
    draws, seen = days
    with pytest.raises(SpecError, match=r"got \(6, 41, 3\) and \(6, 2\)"):
        energy_scores(draws, seen[:, :2])
    with pytest.raises(SpecError, match="two of them a day"):
        variogram_scores(draws[:, :1], seen, 1.0)
    with pytest.raises(SpecError, match="order of a variogram score is positive, got 0"):
        variogram_scores(draws, seen, 0)


def test_quantiles_cover_what_they_say():
    values = np.random.default_rng(5).standard_normal((4, 199, 2))
    made = tails_of(values, (0.01, 0.0125, 0.05, 0.25))
    for level, alpha in enumerate((0.01, 0.0125, 0.05, 0.25)):
        expected = np.quantile(values, alpha, axis=1, method="weibull").T
        assert np.allclose(made[:, level, 0], expected)
        below = [[day[day[:, k] <= expected[k, n] + 1e-12, k].mean() for n, day in enumerate(values)] for k in (0, 1)]
        assert np.allclose(made[:, level, 1], below)
    # Of 19 draws the smallest is what a further one falls below once in 20 times.
    assert np.array_equal(tails_of(values[:, :19], (0.05,))[:, 0, 0], values[:, :19].min(axis=1).T)


def test_tails():
    u = np.array([0.01, 0.05, 0.5, 0.96])
    assert tail_days(u, 0.05).tolist() == [True, False, False, False]
    assert tail_days(u, 0.05, upper=True).tolist() == [False, False, False, True]


def gains_of(days: int, variants: int, planted: float, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Scores with a little memory; variant 0 is better by ``planted``."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((days + 1, variants + 1))
    scores = noise[1:] + 0.3 * noise[:-1]
    scores[:, 1] += planted
    return {f"variant {k}": scores[:, k + 1] for k in range(variants)}, scores[:, 0]


def test_a_planted_better_model_is_found():
    # The planted gain is 7 standard errors: √(2·1.3²/750) = .067.
    found = significance(*gains_of(750, 12, 0.47, seed=3), repetitions=500)
    best = found.gains["variant 0"]
    assert found.spa < 0.01 and best.holm < 0.001 and best.p < best.holm
    assert 0 < best.deflated < best.mean and best.probability > 0.99
    assert all(gain.holm > 0.05 for name, gain in found.gains.items() if name != "variant 0")


def test_noise_is_not_called_better():
    """Level 5%, 30 series of 12 useless variants: 11 and more false alarms have p < 2e-7 at exactly that level, and
    SPA and Holm are both conservative."""
    alarms = np.zeros(3, dtype=int)
    for seed in range(30):
        found = significance(*gains_of(300, 12, 0.0, seed=100 + seed), repetitions=200)
        smallest = min(gain.p for gain in found.gains.values())
        alarms += [found.spa < 0.05, min(g.holm for g in found.gains.values()) < 0.05, smallest < 0.05]
    assert alarms[0] < 11 and alarms[1] < 11
    assert alarms[2] > max(alarms[0], alarms[1])  # which is what they are for: the smallest p alone cries wolf


def test_holm_and_the_luckiest():
    assert np.allclose(holm(np.array([0.01, 0.04, 0.03])), [0.03, 0.06, 0.06])
    assert np.allclose(holm(np.array([0.01]), tried=20), [0.2])
    drawn = np.random.default_rng(0).standard_normal((20_000, 12)).max(axis=1).mean()
    assert luckiest(1) == 0 and abs(luckiest(12) - drawn) < 0.05


def test_bad_variants_are_refused():
    scores, benchmark = gains_of(300, 2, 0.0, seed=0)
    with pytest.raises(SpecError, match="one variant at least"):
        significance({}, benchmark)
    with pytest.raises(SpecError, match="2 variants are given, so tried cannot be 1"):
        significance(scores, benchmark, tried=1)
    with pytest.raises(SpecError, match="scores of short must be finite, one for each of the benchmark's 300"):
        significance({"short": benchmark[1:]}, benchmark)
    same = significance({"same": benchmark}, benchmark)
    assert same.spa == 1 and same.gains["same"].p == 1
