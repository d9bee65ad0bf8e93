"""Spins with Gaussian variables: the marginal and the conditional against quadrature; draws; what is refused."""

import numpy as np
import pytest
from scipy.stats import norm

import thermofab as fab
from tests.compiler.compiler_cases import pairwise
from thermofab.compiler import fabric_of
from thermofab.hw.spec import CompileError, IsingModel, Schedule, SpecError
from thermofab.models.boltzmann.enumeration import all_states

SAMPLES = 32768
GRID = np.linspace(-14, 14, 281)


def a_model(beta: float = 1.0) -> fab.GaussianSpinModel:
    """Three spins in a chain, two continuous variables that couple the ends."""
    spins = IsingModel(
        tuple("abc"), np.array([0.2, -0.1, 0.3]), np.array([[0, 1], [1, 2]]), np.array([0.4, -0.3]), 0.7, beta
    )
    precision = [[1.5, 0.4], [0.4, 0.8]]
    coupling = [[0.6, 0.0, -0.5], [0.3, 0.2, 0.7]]
    return fab.GaussianSpinModel(spins, np.array(precision), np.array(coupling), np.array([0.2, -0.4]))


def by_quadrature(model: fab.GaussianSpinModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """P(s) ``[8]``, E[x | s] ``[8, 2]`` and E[x xᵀ | s] ``[8, 2, 2]``: the integral on a grid, which for smooth
    functions that vanish at its ends is exact to rounding.
    """
    x = np.stack(np.meshgrid(GRID, GRID, indexing="ij"), axis=-1)
    weight, mean, square = [], [], []
    for state in all_states(3):
        energy = model.energies(np.broadcast_to(state, (*x.shape[:2], 3)), x)
        density = np.exp(-model.spins.beta * energy)
        weight.append(density.sum())
        mean.append(np.einsum("xy,xyi->i", density, x) / density.sum())
        square.append(np.einsum("xy,xyi,xyj->ij", density, x, x) / density.sum())
    return np.array(weight) / np.sum(weight), np.array(mean), np.array(square)


@pytest.mark.parametrize("beta", [1.0, 0.6])
def test_marginal_and_conditional_are_those_of_quadrature(beta):
    model = a_model(beta)
    p, mean, square = by_quadrature(model)
    assert np.allclose(fab.exact(model).probabilities, p, atol=1e-9)
    means = model.means(all_states(3))
    assert np.allclose(means, mean, atol=1e-9)
    assert np.allclose(model.covariance + means[:, :, None] * means[:, None, :], square, atol=1e-8)


def test_the_marginals_energy_is_the_free_energy():
    """E_marginal(s) = E(s, m(s)): the energy at the conditional mean, offset and all."""
    model, states = a_model(), all_states(3)
    assert np.allclose(model.marginal.energies(states), model.energies(states, model.means(states)), atol=1e-12)


def test_a_program_samples_the_mixture():
    """DKW: an empirical distribution of K independent draws is off by more than sqrt(ln(2e8)/2K) somewhere with
    probability below 1e-8; rounding's distance is enumerated by the compiler.
    """
    model = a_model()
    program = fab.compile(model, fabric_of(model), verify=True)
    assert "integrated out 2 continuous variables; pairs of spins that only they couple: 1" in str(program.report)
    samples = program.sample(Schedule(60, 1), replicas=SAMPLES, seed=3, device="native")
    x = model.continuous(samples.node_states, seed=4)
    assert x.shape == (SAMPLES, 1, 2)
    p, mean, _ = by_quadrature(model)
    allowed = np.sqrt(np.log(2e8) / (2 * SAMPLES)) + program.report.quantisation.tv
    assert allowed < 0.03
    ranks = np.arange(1, SAMPLES + 1) / SAMPLES
    directions = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, -0.8]])
    for direction in directions:
        drawn, deviation = x[:, 0] @ direction, np.sqrt(direction @ model.covariance @ direction)
        for values, fits in ((drawn, True), (model.means(samples.node_states)[:, 0] @ direction, False)):
            values = np.sort(values)
            mixture = norm.cdf((values[:, None] - mean @ direction) / deviation) @ p
            assert (np.abs(mixture - ranks).max() < allowed) == fits, "means alone are another distribution"


def test_draws_follow_their_seed():
    model, states = a_model(), all_states(3)
    assert np.array_equal(model.continuous(states, seed=1), model.continuous(2 * states.astype(int) - 1, seed=1))
    assert not np.array_equal(model.continuous(states, seed=1), model.continuous(states, seed=2))


def test_new_weights_go_on_the_same_sites():
    program = fab.compile(a_model(), fabric_of(a_model()))
    other = fab.GaussianSpinModel(a_model().spins, np.diag([2.0, 1.0]), a_model().coupling)
    assert np.allclose(pairwise(program.with_weights(other).model).couplings, other.marginal.couplings)


def test_variables_apart_couple_only_their_own_spins():
    """A of two blocks: no coupling, not even of rounding, between spins that touch different ones."""
    rng = np.random.default_rng(0)
    block = rng.normal(size=(3, 3))
    precision, coupling = np.zeros((6, 6)), np.zeros((6, 4))
    precision[:3, :3] = precision[3:, 3:] = block @ block.T + np.eye(3)
    coupling[:3, :2], coupling[3:, 2:] = rng.normal(size=(3, 2)), rng.normal(size=(3, 2))
    spins = IsingModel(tuple(range(4)), np.zeros(4), np.array([[1, 2]]), np.array([0.5]))
    model = fab.GaussianSpinModel(spins, precision, coupling)
    assert model.marginal.edges.tolist() == [[0, 1], [1, 2], [2, 3]] and model.created == 2
    assert model.marginal.couplings[1] == 0.5


def test_a_marginal_too_dense_for_the_fabric_says_how_many_couplings_it_has():
    spins = IsingModel(tuple(range(12)), np.zeros(12), np.zeros((0, 2)), np.zeros(0))
    model = fab.GaussianSpinModel(spins, np.eye(1), np.full((1, 12), 0.2))
    with pytest.raises(CompileError) as raised:
        fab.compile(model, "g4-4x4")
    assert any("pairs of spins that only they couple: 66" in note for note in raised.value.__notes__)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"precision": np.diag([1.0, -0.1])},
            "positive definite, or x has no distribution; its lowest eigenvalue is -0.1",
        ),
        ({"precision": np.ones((2, 2))}, "positive definite"),
        ({"precision": np.array([[1.0, 0.5], [0.0, 1.0]])}, r"symmetric; take \(A \+ A.T\) / 2"),
        ({"precision": np.ones((8, 2, 2))}, "a precision for every state of the spins"),
        ({"precision": lambda s: np.eye(2)}, "only quadratic energies have a marginal"),
        ({"coupling": np.ones((2, 2))}, r"coupling must have shape \(2, 3\)"),
        ({"linear": np.ones(3)}, r"linear must have shape \(2,\)"),
        ({"coupling": np.full((2, 3), np.inf)}, r"coupling\[0, 0\] is inf"),
        ({"spins": {"a": 1}}, "spins must be an IsingModel, got a dict"),
    ],
)
def test_what_has_no_marginal_of_pairs_is_refused(change, message):
    model = a_model()
    fields = {name: getattr(model, name) for name in ("spins", "precision", "coupling", "linear")}
    with pytest.raises(SpecError, match=message):
        fab.GaussianSpinModel(**{**fields, **change})
    with pytest.raises(SpecError, match=r"spins must have shape \(..., 3\)"):
        model.means(np.ones((4, 2), dtype=bool))
