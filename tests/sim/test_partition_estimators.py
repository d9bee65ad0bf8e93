"""The estimators of ln Z as functions of numbers, to closed forms; sums over hidden sites, to enumeration."""

import numpy as np
import pytest

from thermofab.hw.spec import RefusedError
from thermofab.sim.partition import bennett, descent, hermite, log_mean, mean_square_family, quadrature_error
from thermofab.sim.partition.bar import influence
from thermofab.sim.partition.elimination import log_sum
from thermofab.sim.partition.spread import jackknife


def gaussians(chains, samples, apart, seed):
    """Δ = (x - apart)²/2 - x²/2 - 0.7 of draws from both: ln Z₁ - ln Z₀ = 0.7."""
    draw = np.random.default_rng(seed)
    first, second = draw.standard_normal((2, chains, samples))
    return [(x - apart) ** 2 / 2 - x**2 / 2 - 0.7 for x in (first, second + apart)]


def test_bennetts_ratio_of_two_gaussians():
    """400 runs: their spread is the asymptotic error to 20% (5.6 standard errors of a deviation of 400), their mean 0.7
    to 6 of its errors."""
    found = [bennett(*gaussians(20, 10, 1.0, seed)) for seed in range(400)]
    values, errors = np.array([(one.value, one.error) for one in found]).T
    assert abs(values.mean() - 0.7) < 6 * values.std() / 20
    assert values.std() == pytest.approx(errors.mean(), rel=0.2)


def test_bennetts_ratio_takes_samples_of_other_numbers_and_says_how_they_overlap():
    first, second = gaussians(100, 30, 1.0, 1)
    uneven = bennett(first, second[:, :7])
    assert abs(uneven.value - 0.7) < 6 * uneven.error
    same = bennett(np.full(10, 0.3), np.full(20, 0.3))
    assert same.value == pytest.approx(-0.3, abs=1e-8) and same.overlap == pytest.approx(1) and same.error < 1e-6
    far = bennett(*gaussians(100, 30, 6.0, 1))
    assert far.overlap < 0.05 < bennett(first, second).overlap < 1
    quarter = bennett(first, second, 0.25)
    assert quarter.error == pytest.approx(2 * bennett(first, second).error)


def test_a_chains_influence_is_the_jackknifes():
    first, second = gaussians(64, 20, 1.0, 2)
    value = bennett(first, second).value
    moved = influence(first, second, value)
    assert moved.sum() == pytest.approx(0, abs=1e-6)
    error = np.sqrt(np.sum(moved**2) * 64 / 63)
    left_out = jackknife(lambda chains: bennett(first[chains], second[chains]).value, 64)
    assert error == pytest.approx(left_out, rel=0.3)  # of 32 groups: its own error is 13%


def test_integration_is_exact_for_cubics_and_knows_its_error():
    betas = np.array([0.0, 0.2, 0.5, 0.6, 1.0])
    means, variances = -(betas**3), 3 * betas**2  # f = β³, f' = 3β²
    assert hermite(betas, means, variances) == pytest.approx(0.25)
    assert quadrature_error(betas, means, variances) == pytest.approx(0, abs=1e-12)
    for count in (5, 6, 9):
        betas = np.linspace(0, 1, count)
        means, variances = -np.exp(2 * betas), 2 * np.exp(2 * betas)
        off = abs(hermite(betas, means, variances) - (np.exp(2) - 1) / 2)
        assert off / 2 < quadrature_error(betas, means, variances) < 3 * off
    two = np.array([0.0, 1.0])
    assert quadrature_error(two, np.zeros(2), np.array([0.0, 1.0])) == pytest.approx(1 / 12)


def test_means_of_weights():
    found = log_mean(np.log([1.0, 2.0, 3.0]) + 1000)
    assert found.value == pytest.approx(1000 + np.log(2)) and found.effective == pytest.approx(36 / 14)
    assert found.error == pytest.approx(1 / 2 / np.sqrt(3))
    assert log_mean(np.array([0.0, -np.inf])).effective == 1
    assert log_mean(np.full(3, -np.inf)).effective == 0


def test_descendants_are_as_many_as_weights_say():
    weights = np.array([0.1, 2.4, 0.5, 1.0])
    counts = np.mean([np.bincount(descent(np.log(weights), u), minlength=4) for u in (np.arange(1000) + 0.5) / 1000], 0)
    assert np.allclose(counts, weights, atol=2e-3)
    for u in (0.0, 0.5, 0.999999):
        one = np.bincount(descent(np.log(weights), u), minlength=4)
        assert one.sum() == 4 and np.all(one >= np.floor(weights)) and np.all(one <= np.ceil(weights))
    assert np.array_equal(descent(np.zeros(5), 0.3), np.arange(5))
    assert mean_square_family(np.arange(8)) == 1 and mean_square_family(np.zeros(8, dtype=int)) == 8


@pytest.mark.parametrize("seed", range(4))
def test_sums_over_hidden_sites_are_enumeration(seed):
    draw = np.random.default_rng(seed)
    m, pairs = 8, np.array([(0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (1, 6)])
    fields, couplings = draw.standard_normal((5, m)), draw.standard_normal(len(pairs))
    spins = 2.0 * (np.arange(2**m)[:, None] >> np.arange(m) & 1) - 1
    exponents = fields @ spins.T + (spins[:, pairs[:, 0]] * spins[:, pairs[:, 1]]) @ couplings
    assert np.allclose(log_sum(fields, pairs, couplings), np.logaddexp.reduce(exponents, axis=1))


def test_entangled_hidden_sites_are_refused():
    pairs = np.array([(i, j) for i in range(16) for j in range(i)])
    with pytest.raises(RefusedError, match="too entangled to be summed out"):
        log_sum(np.zeros((1, 16)), pairs, np.ones(len(pairs)))
