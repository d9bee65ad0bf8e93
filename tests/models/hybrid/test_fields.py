"""Fields a chain by clamped converters: the sampled distribution against enumeration, draws among options,
estimators."""

from itertools import product

import numpy as np
import pytest
import torch

import thermofab as fab
from tests.present import present
from thermofab.hw.spec import Schedule, SpecError
from thermofab.models.hybrid import (
    DeviceChoice,
    DeviceFields,
    FieldLayout,
    choice_layout,
    expected_cost,
    sampled_means,
)

LAYOUT = FieldLayout(3, ((0, 1), (1, 2)), bits=6, unit=1 / 32)
NOTHING = torch.zeros(1, 1), torch.zeros(0), torch.zeros(0, 2).long()  # fields, couplings, edges of one spin
WEIGHTS = np.array([0.5, -0.4])
STATES = np.array(list(product([-1, 1], repeat=3)))


def distribution(fields: np.ndarray, weights: np.ndarray) -> np.ndarray:
    energy = STATES @ fields + STATES[:, [0, 1]].prod(1) * weights[0] + STATES[:, [1, 2]].prod(1) * weights[1]
    p = np.exp(energy - energy.max())
    return p / p.sum()


@pytest.fixture(scope="module")
def device() -> DeviceFields:
    program = fab.compile(LAYOUT.ising(), fab.fabric(LAYOUT.graph()), keep_zero=True)
    return DeviceFields(program, LAYOUT, "native")


@pytest.fixture(scope="module")
def choice() -> DeviceChoice:
    layout = choice_layout(6)
    return DeviceChoice(DeviceFields(fab.compile(layout.ising(), fab.fabric(layout.graph())), layout, "native"))


def test_codes_are_the_nearest_odd_multiples():
    fields = np.linspace(-3, 3, 60).reshape(20, 3)
    held = LAYOUT.held(fields)
    inside = np.abs(fields) <= LAYOUT.largest
    assert np.abs(held - fields)[inside].max() <= LAYOUT.unit + 1e-12
    np.testing.assert_allclose(np.abs(held[~inside]), LAYOUT.largest)


def test_every_chain_has_the_distribution_of_its_own_fields(device):
    """Per state and field set |observed - p| ≤ 6 standard errors + 0.006 for rounding and mixing; 16 comparisons, so a
    false alarm is below 16·2e-9."""
    sets = np.array([[0.8, -0.3, 0.2], [-0.5, 0.6, -1.0]])
    replicas = 4000
    spins = device.sample(np.repeat(sets, replicas, axis=0), Schedule(40, 4, 10), seed=3, weights=WEIGHTS)
    codes = ((spins > 0) @ np.array([4, 2, 1])).reshape(2, -1)
    for k in range(2):
        want = distribution(LAYOUT.held(sets)[k], WEIGHTS)
        seen = np.bincount(codes[k], minlength=8) / codes.shape[1]
        error = np.sqrt(want * (1 - want) / replicas)
        assert (np.abs(seen - want) <= 6 * error + 0.006).all()


def test_same_seed_same_samples_on_two_devices(device):
    fields = np.random.default_rng(0).normal(size=(5, 3))
    other = DeviceFields(device.program, LAYOUT, "reference")
    a, b = (d.sample(fields, Schedule(3, 4), seed=9, weights=WEIGHTS) for d in (device, other))
    np.testing.assert_array_equal(a, b)
    assert (a != device.sample(fields, Schedule(3, 4), seed=10, weights=WEIGHTS)).any()


def test_draws_have_the_weights_as_distribution(choice):
    """Six options of 20,000 rows: |observed - p| ≤ 6 standard errors + 0.008; a false alarm is below 1e-7."""
    weights = np.array([5.0, 3.0, 1.0, 0.5, 0.0])
    draw = choice.draw(np.repeat(weights[None], 20000, axis=0), seed=1)
    p = weights / weights.sum()
    seen = np.bincount(draw.options, minlength=5) / 20000
    assert draw.misses == 0 and seen[4] == 0
    assert (np.abs(seen - p) <= 6 * np.sqrt(p * (1 - p) / 20000) + 0.008).all()


def test_draws_are_a_function_of_the_seed(choice):
    weights = np.random.default_rng(0).random((50, 6))
    one, two, three = (choice.draw(weights, seed=seed).options for seed in (4, 4, 5))
    np.testing.assert_array_equal(one, two)
    assert (one != three).any()


def test_estimators_match_the_exact_gradient(device):
    """The exact gradient of Σ g_i E[s_i] by enumeration, against covariances of 60,000 samples per chain: within 0.05,
    over 7 standard errors of each entry (at most 0.007 with independent samples)."""
    fields = torch.tensor(LAYOUT.held(np.array([[0.6, -0.2, 0.3]])), dtype=torch.float32, requires_grad=True)
    couplings = torch.tensor(WEIGHTS, dtype=torch.float32, requires_grad=True)
    direction = torch.tensor([[1.0, -2.0, 0.5]])
    edges = torch.tensor(LAYOUT.edges)
    spins = torch.from_numpy(device.sample(fields.detach().numpy(), Schedule(50, 60000, 2), seed=2, weights=WEIGHTS))
    p = distribution(fields.detach().numpy()[0], WEIGHTS)
    mean = p @ STATES
    f = STATES @ direction.numpy()[0]
    exact_h = (p * (f - p @ f)) @ STATES
    pairs = np.stack([STATES[:, a] * STATES[:, b] for a, b in LAYOUT.edges], axis=1)
    exact_j = (p * (f - p @ f)) @ pairs
    means = sampled_means(fields, couplings, edges, spins)
    np.testing.assert_allclose(means.detach().numpy()[0], mean, atol=0.03)
    (means * direction).sum().backward()
    np.testing.assert_allclose(present(fields.grad).numpy()[0], exact_h, atol=0.05)
    np.testing.assert_allclose(present(couplings.grad).numpy(), exact_j, atol=0.05)
    fields.grad = couplings.grad = None
    cost = torch.einsum("rsn,rn->rs", spins.float(), direction)
    expected_cost(fields, couplings, edges, spins, cost).backward()
    np.testing.assert_allclose(present(fields.grad).numpy()[0], exact_h, atol=0.05)
    np.testing.assert_allclose(present(couplings.grad).numpy(), exact_j, atol=0.05)


def test_straight_through_is_its_formula():
    fields = torch.zeros(1, 2, requires_grad=True)
    couplings = torch.zeros(1, requires_grad=True)
    spins = torch.tensor([[[1, 1], [1, -1], [1, 1], [-1, 1]]], dtype=torch.int8)
    means = sampled_means(fields, couplings, torch.tensor([[0, 1]]), spins, "straight-through")
    (means * torch.tensor([[1.0, 2.0]])).sum().backward()
    torch.testing.assert_close(fields.grad, torch.tensor([[0.75, 1.5]]))
    torch.testing.assert_close(couplings.grad, torch.tensor([0.75 * 0.5 + 1.5 * 0.5]))


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda d, c: FieldLayout(0), r"^a field layout needs n ≥ 1 spins, 1 to 10 bits and a positive unit\.$"),
        (lambda d, c: FieldLayout(2, ((1, 0),)), r"^edges of a field layout are distinct sorted pairs i < j < 2\.$"),
        (
            lambda d, c: d.sample(np.zeros((2, 4)), Schedule(1, 1), seed=0),
            r"^fields must be finite, of shape \[replicas, 3\]; got shape \[2, 4\]\.$",
        ),
        (
            lambda d, c: DeviceFields(d.program, FieldLayout(4)),
            r"^this program was not compiled from this layout's ising\(\); compile that one\.$",
        ),
        (
            lambda d, c: c.draw(np.ones((1, 7)), seed=0),
            r"^this program draws among at most 6 options, got weights of .*",
        ),
        (
            lambda d, c: c.draw(np.zeros((1, 3)), seed=0),
            r"^weights of options must be finite, at least 0, and not all 0",
        ),
        (
            lambda d, c: sampled_means(*NOTHING, torch.ones(1, 1, 1)),
            r"^covariances need at least 2 samples per chain\.$",
        ),
        (
            lambda d, c: sampled_means(*NOTHING, torch.ones(1, 2, 1), "x"),
            r"^estimator is one of \('score', 'straight-through'\), got 'x'\.$",
        ),
    ],
)
def test_bad_input_is_refused(device, choice, act, sentence):
    with pytest.raises(SpecError, match=sentence):
        act(device, choice)
