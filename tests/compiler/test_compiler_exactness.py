"""What certificates claim, by enumeration of the compiled real-valued model.

`python benchmarks/exactness.py` does the same for hundreds of programs.
"""

import numpy as np
import pytest
from dimod.higherorder.polynomial import BinaryPolynomial

import thermofab as fab
from tests.present import present
from thermofab.compiler.certify.exactness import KINDS, distance, random_program, wired
from thermofab.compiler.distributions.elimination import marginal_distribution
from thermofab.compiler.distributions.enumeration import log_weights, marginal, normalised, total_variation
from thermofab.compiler.passes.categorical import CODES
from thermofab.compiler.passes.higher_order import gadget_couplings
from thermofab.hw.spec import CompileError, DiscreteModel, SpecError
from thermofab.hw.spec.discrete import factor_of


@pytest.mark.parametrize("target", ["complete-120", "pegasus-3", "g12-16x16"])
@pytest.mark.parametrize("name", KINDS)
def test_exact_means_exact(target, name):
    for seed in (1, 2) if target == "complete-120" else (1,):
        rng = np.random.default_rng(seed)
        source = random_program(rng, KINDS[name])
        try:
            draft = wired(source, fab.fabric(target), tries=1)
            tv, largest = distance(draft, rng, source)
        except (CompileError, SpecError):
            assert target != "complete-120", "a complete fabric holds every program"
            continue
        if draft.certificate.tv == 0:
            assert largest < 1e-9
        else:
            assert tv <= draft.certificate.tv + 1e-12


def test_elimination_is_enumeration():
    rng = np.random.default_rng(0)
    n, edges = 10, np.array([(i, j) for i in range(10) for j in range(i + 1, 10) if (i + j) % 3])
    biases, couplings = rng.normal(size=n), rng.normal(size=len(edges)) * 4
    whole = normalised(log_weights(n, biases, edges, couplings))[0]
    np.testing.assert_allclose(
        marginal_distribution(n, biases, edges, couplings, [3, 7, 1]), marginal(whole, n, [3, 7, 1]), rtol=1e-12
    )


@pytest.mark.parametrize("magnitude", [1e-6, 0.1, 1.0, 12.0])
def test_four_spin_gadget(magnitude):
    """ln 2cosh(w Σs) - ¼ atanh(s)·Σ pairs = constant - |K| s₁s₂s₃s₄."""
    to_each, between = gadget_couplings(magnitude)
    total = np.array([0.0, 2.0, 4.0])
    pairs, product = (total**2 - 4) / 2, np.array([1.0, -1.0, 1.0])
    left = np.logaddexp(to_each * total, -to_each * total) - between * pairs
    constant = left + magnitude * product
    assert np.ptp(constant) < 1e-12 * max(1.0, magnitude)


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("q", [1, 2, 3, 5, 8])
def test_codes_stand_for_every_state_and_nothing_else(name, q):
    table = CODES[name](q)
    assert set(table) == set(range(q)) and len(table) & (len(table) - 1) == 0
    if name == "gray" and q == 8:
        order = [table.index(state) for state in range(q)]
        assert all((a ^ b).bit_count() == 1 for a, b in zip(order, order[1:]))


@pytest.mark.parametrize("code", CODES)
def test_every_code_gives_the_same_distribution(code):
    rng = np.random.default_rng(3)
    model = DiscreteModel(
        ("a", "b", "s"),
        np.array([3, 5, 0]),
        (
            factor_of([[]], [[0, 1]], rng.normal(size=(1, 3, 5))),
            factor_of([[2]], [[1]], rng.normal(size=(1, 5))),
        ),
    )
    program = fab.compile(model, fab.fabric("complete-90", weight_bits=16, bias_bits=16, profile="fine"), code=code)
    samples = program.sample(fab.Schedule(200, 2000, 3), replicas=64, device="native")
    distribution = fab.exact(model)
    number = np.ravel_multi_index(np.moveaxis(samples.node_states, -1, 0).astype(int), distribution.shape)
    chains = np.stack([np.bincount(chain, minlength=30) for chain in np.asarray(number)]) / 2000
    error = chains.std(axis=0, ddof=1) / 8
    # Two-sided at 7 standard errors of 64 chains: below 1e-8 for 30 states, Student's t with 63 degrees included.
    assert np.all(np.abs(chains.mean(axis=0) - distribution.probabilities) < 7 * error + 1e-4)
    np.testing.assert_allclose(samples.frequencies()[1], chains.mean(axis=0).reshape(3, 5, 2).sum(axis=(0, 2)))


@pytest.mark.parametrize("code", ["one-hot", "domain-wall"])
def test_codes_with_forbidden_words_are_refused(code):
    with pytest.raises(CompileError, match=rf"^the code '{code}' has codes that stand for no state: a penalty"):
        fab.compile(
            DiscreteModel((0,), np.array([3]), (factor_of([[]], [[0]], np.ones((1, 3))),)), "complete-9", code=code
        )


def test_polynomials_in():
    polynomial = BinaryPolynomial({"a": 0.3, "ab": -0.7, "abc": 0.5, "": 1.5, "abcd": -0.4, "d": 0.2}, "BINARY")
    distribution = fab.exact(polynomial, beta=1.3)
    wanted = np.array(
        [polynomial.energy(dict(zip(distribution.nodes, map(int, state)))) for state in distribution.states],
        dtype=np.float64,
    )
    np.testing.assert_allclose(distribution.energies, wanted, atol=1e-12)
    np.testing.assert_allclose(
        distribution.probabilities, np.exp(-1.3 * wanted) / np.exp(-1.3 * wanted).sum(), rtol=1e-12
    )
    program = fab.compile(polynomial, "complete-12", beta=1.3)
    assert program.report.certificate.tv == 0 and present(program.report.end_to_end_tv) < 0.05


def test_a_restricted_boltzmann_machine_of_binary_units():
    rng = np.random.default_rng(1)
    w, b, c = rng.normal(size=(3, 2)), rng.normal(size=3), rng.normal(size=2)
    distribution = fab.exact(fab.rbm(w, b, c, units="binary"))
    x = distribution.states.astype(float)
    v, h = x[:, :3], x[:, 3:]
    np.testing.assert_allclose(distribution.energies, -(np.einsum("ki,ij,kj->k", v, w, h) + v @ b + h @ c), atol=1e-12)
    assert distribution.nodes[0] == ("v", 0) and distribution.nodes[-1] == ("h", 1)
    spins = fab.exact(fab.rbm(w, b, c))
    s = 2 * x - 1
    wanted = -(np.einsum("ki,ij,kj->k", s[:, :3], w, s[:, 3:]) + s[:, :3] @ b + s[:, 3:] @ c)
    np.testing.assert_allclose(spins.energies, wanted, atol=1e-12)


@pytest.mark.parametrize(
    "make, sentence",
    [
        (lambda: fab.rbm(np.ones(3)), r"^weights must have shape \[visible, hidden\], got \(3,\)\.$"),
        (lambda: fab.rbm(np.ones((2, 2)), units="bits"), r"^units must be one of 'spin', 'binary', got 'bits'\.$"),
        (lambda: fab.boltzmann_machine(np.ones((2, 3))), r"^weights must be a square matrix, got shape \(2, 3\)\.$"),
        (lambda: fab.boltzmann_machine(np.eye(2)), r"^weights has entries on its diagonal; s·s = 1 is a constant"),
        (
            lambda: fab.boltzmann_machine([[0, 1], [2, 0]]),
            r"^weights\[0, 1\] is 1 but weights\[1, 0\] is 2; a Boltzmann machine's matrix is symmetric: pass "
            r"\(w \+ w\.T\) / 2 if that is what you mean\.$",
        ),
    ],
)
def test_malformed_matrices_are_refused(make, sentence):
    with pytest.raises(CompileError, match=sentence):
        make()


def test_known_clamps_take_no_site():
    rng = np.random.default_rng(2)
    model = fab.boltzmann_machine(np.triu(w := rng.normal(size=(6, 6)), 1) + np.triu(w, 1).T, rng.normal(size=6))
    program = fab.compile(model, "complete-6", clamp={1: True, 4: False}, verify=True)
    assert program.report.sites == 4 and program.report.nodes == 6
    assert present(program.report.end_to_end_tv) < 0.02
    samples = program.sample(fab.Schedule(10, 50), device="reference")
    assert samples.node_states[..., 1].all() and not samples.node_states[..., 4].any()
    conditional = fab.exact(model, clamp={1: True, 4: False})
    compiled = fab.exact(program, clamp={1: True, 4: False})
    assert total_variation(conditional.probabilities, compiled.probabilities) < 1e-12
    with pytest.raises(
        SpecError, match=r"^this program was compiled with 1 clamped to 1; compile it again for another"
    ):
        program.sample(fab.Schedule(1, 1), clamp={1: False}, device="reference")
    with pytest.raises(CompileError, match=r"^clamp names 9, which is not a node of this program\.$"):
        fab.compile(model, "complete-6", clamp={9: True})
    with pytest.raises(CompileError, match=r"^clamp of 1 must be one of 0…1, got 3\.$"):
        fab.compile(model, "complete-6", clamp={1: 3})
    with pytest.raises(CompileError, match=r"^clamp names every node of the program; there is nothing left to sample"):
        fab.compile(model, "complete-6", clamp={k: True for k in range(6)})


def test_programs_of_categories_are_files():
    model = DiscreteModel((("x", 1), "s"), np.array([3, 0]), (factor_of([[1]], [[0]], np.ones((1, 3))),), 0.5, 2.0)
    program = fab.compile(model, "complete-8")
    again = type(program).from_json(program.to_json())
    assert again.digest == program.digest and again.model.nodes == model.nodes
    states = [p.sample(fab.Schedule(5, 20), device="reference", seed=3).node_states for p in (program, again)]
    assert np.array_equal(states[0], states[1]) and states[0].dtype == np.uint8 and states[0].max() <= 2
    np.testing.assert_allclose(model.energies(states[0]), 0.5 - (2.0 * states[0][..., 1] - 1))


def test_states_a_node_does_not_have_are_refused():
    model = DiscreteModel(("x", "s"), np.array([3, 0]), (factor_of([[1]], [[0]], np.ones((1, 3))),))
    program = fab.compile(model, "complete-8")
    with pytest.raises(SpecError, match=r"^clamp of 'x' gives a categorical node of up to 3 states another one"):
        program.sample(fab.Schedule(1, 1), clamp={"x": 3}, device="reference")
    with pytest.raises(SpecError, match=r"^moments\(\) needs a program of spins and pairs of spins"):
        program.sample(fab.Schedule(1, 1), device="reference").moments()
