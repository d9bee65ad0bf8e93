"""minimise: small problems of every kind to their enumerated optimum; budgets; what is repeated; what is refused."""

import itertools

import dimod
import networkx
import numpy as np
import pytest
from dimod.higherorder.polynomial import BinaryPolynomial

import thermofab as fab
from thermofab.apps.optimise.budget import doubling
from thermofab.apps.optimise.fitted import fitted, integers
from thermofab.apps.optimise.methods import is_lattice
from thermofab.apps.optimise.problem import cut_model, problem_of
from thermofab.compiler.annealing_range import annealing_range
from thermofab.compiler.descent import SpinTerms, descend
from thermofab.hw.spec import DeviceError, IsingModel, SpecError, flip_probability

SHORT = fab.Budget(sweeps=(64, 256))


def enumerated(energy, variables, values):
    return min(energy(dict(zip(variables, state))) for state in itertools.product(values, repeat=len(variables)))


def random_graph(n, share, seed, weights=(-1, 1)):
    rng, graph = np.random.default_rng(seed), networkx.gnp_random_graph(n, share, seed=seed)
    for u, v in graph.edges:
        graph.edges[u, v]["weight"] = int(rng.choice(weights))
    return graph


def largest_cut(graph):
    nodes = list(graph)
    return max(
        networkx.cut_size(graph, [node for node, side in zip(nodes, sides) if side], weight="weight")
        for sides in itertools.product((0, 1), repeat=len(nodes))
    )


@pytest.mark.parametrize("seed", range(3))
def test_maxcut(seed):
    """64 reads of 256 sweeps on 10 nodes: each read alone is an exhaustive search many times over."""
    graph = random_graph(10, 0.5, seed, weights=(-2, 1, 3))
    found = fab.minimise(graph, budget=SHORT, seed=seed)
    assert found.value == largest_cut(graph) and found.kind == "cut"
    side = [node for node, value in found.state.items() if value]
    assert networkx.cut_size(graph, side, weight="weight") == found.value
    assert np.array_equal(found.energies, -np.sort(found.values)[::-1][: len(found.energies)])
    assert "couplings exact" in found.fabric


def test_an_edge_without_a_weight_has_weight_one_and_loops_are_never_cut():
    graph = networkx.Graph([("a", "b"), ("b", "c"), ("c", "a"), ("a", "a")])
    assert fab.minimise(graph, budget=SHORT).value == 2


@pytest.mark.parametrize("vartype, values", [("SPIN", (-1, 1)), ("BINARY", (0, 1))])
@pytest.mark.parametrize("fabric", [None, "king-6x6"])
def test_bqm(vartype, values, fabric):
    """Real couplings, an offset, and states in the vartype of the source; on its own fabric, and embedded."""
    rng = np.random.default_rng(5)
    names = ["x", ("y", 1), 2, "z", "u", "w", 7, 8]
    pairs = itertools.combinations(names, 2)
    quadratic = {(a, b): float(rng.normal()) for a, b in pairs if rng.random() < 0.6}
    bqm = dimod.BinaryQuadraticModel({name: float(rng.normal()) for name in names}, quadratic, 1.25, vartype)
    found = fab.minimise(bqm, budget=SHORT, fabric=fabric)
    assert found.value == pytest.approx(enumerated(bqm.energy, names, values), rel=1e-12)
    assert bqm.energy(found.state) == pytest.approx(found.value, rel=1e-12)
    assert np.allclose(bqm.energies(found.sampleset), found.sampleset.record.energy)
    assert found.sampleset.vartype is bqm.vartype and found.sampleset.first.energy == found.value  # pyright: ignore[reportAttributeAccessIssue]
    assert set(found.state.values()) <= set(values)


@pytest.mark.parametrize("vartype, values", [("SPIN", (-1, 1)), ("BINARY", (0, 1))])
def test_polynomials(vartype, values):
    rng = np.random.default_rng(6)
    terms = {term: float(rng.normal()) for k in (1, 2, 3, 4) for term in itertools.combinations(range(7), k)}
    polynomial = BinaryPolynomial({term: terms[term] for term in list(terms)[::3]} | {(): 0.5}, vartype)
    names = sorted(polynomial.variables)
    found = fab.minimise(polynomial, budget=SHORT)
    assert found.value == pytest.approx(enumerated(polynomial.energy, names, values), rel=1e-12)
    assert polynomial.energy(found.state) == pytest.approx(found.value, rel=1e-12)


def test_ising_models_of_any_size_of_coupling():
    """Couplings from 1e-3 to 1e3, and a β of the model's own, which means nothing to its minimum."""
    rng = np.random.default_rng(7)
    edges = np.array(list(itertools.combinations(range(9), 2)))
    couplings = rng.choice([-1.0, 1.0], len(edges)) * 10.0 ** rng.uniform(-3, 3, len(edges))
    model = IsingModel(tuple("abcdefghi"), rng.normal(size=9), edges, couplings, offset=3.0, beta=0.1)
    states = np.array(list(itertools.product((0, 1), repeat=9)), dtype=bool)
    assert fab.minimise(model, budget=SHORT).value == pytest.approx(model.energies(states).min(), rel=1e-12)


def test_tempering_finds_the_optimum_of_a_small_torus():
    graph = random_graph(0, 0, 0)
    rng = np.random.default_rng(8)
    for u, v in networkx.grid_2d_graph(3, 5, periodic=True).edges:
        graph.add_edge(u, v, weight=int(rng.choice([-1, 1])))
    found = fab.minimise(graph, budget=fab.Budget(sweeps=40), method="tempering", reads=4)
    assert found.value == largest_cut(graph) and found.method == "tempering"
    assert found.flips == 40 * 4 * 15 * 32


def test_budgets_repeat_bit_for_bit_on_every_device():
    graph = random_graph(40, 0.2, 3)
    by_time = fab.minimise(graph, budget=0.3, seed=9)
    again = fab.minimise(graph, budget=by_time.budget_used, seed=9)
    assert np.array_equal(by_time.values, again.values) and np.array_equal(by_time.states, again.states)
    sweeps = by_time.budget_used.sweeps
    assert isinstance(sweeps, tuple) and by_time.flips == again.flips == 64 * 40 * sum(sweeps)
    # The same program on another device; a short one, for the reference is slow.
    budget = fab.Budget(sweeps=(3, 5))
    native, reference = (
        fab.minimise(graph, budget=budget, reads=4, device=device) for device in ("native", "reference")
    )
    assert np.array_equal(native.states, reference.states)
    other = fab.minimise(graph, budget=budget, reads=4, seed=1)
    assert not np.array_equal(native.values, other.values) or not np.array_equal(native.states, other.states)


def test_flips_are_spent_and_not_exceeded():
    graph = random_graph(60, 0.3, 4)
    flips = 64 * 60 * 5000 + 17
    found = fab.minimise(graph, budget=fab.Budget(flips=flips), target=1e9)
    assert flips - 64 * 60 < found.flips <= flips
    assert [run.sweeps for run in found.runs] == [256, 512, 1024, 3208]


def test_doubling_sums_to_the_whole():
    for total in (1, 5, 255, 256, 767, 768, 10_000):
        lengths = list(doubling(total, 256))
        assert sum(lengths) == total and all(b >= 2 * a for a, b in zip(lengths, lengths[1:]))


def test_it_stops_at_a_target_and_where_all_reads_agree():
    graph = networkx.path_graph(12)
    agreed = fab.minimise(graph, budget=fab.Budget(flips=1e12))
    assert agreed.value == 11 and len(agreed.runs) < 8 and agreed.successes >= 3 * 64
    assert len(fab.minimise(graph, budget=fab.Budget(flips=1e12), target=10).runs) == 1


def test_all_states_are_local_minima():
    graph = random_graph(80, 0.15, 10)
    found = fab.minimise(graph, budget=fab.Budget(sweeps=1))
    terms = SpinTerms.of(cut_model(graph))
    assert np.all(terms.local_fields((2 * found.states - 1).astype(np.int8)) >= 0)
    start = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), (8, 80))
    assert np.any(terms.local_fields(start) < 0)  # what descent has to mend
    ended = descend(terms, start)
    model = cut_model(graph)
    assert np.all(model.energies(ended > 0) < model.energies(start > 0))


def test_local_fields_are_half_of_what_a_flip_costs():
    rng = np.random.default_rng(11)
    polynomial = BinaryPolynomial({(0, 1, 2): 0.7, (1, 3): -0.4, (2,): 0.3, (0, 1, 2, 3): 1.1}, "SPIN")
    model = problem_of(polynomial).model
    spins = rng.choice(np.array([-1, 1], np.int8), (5, 4))
    for k in range(4):
        flipped = spins.copy()
        flipped[:, k] *= -1
        cost = model.energies(flipped > 0) - model.energies(spins > 0)
        assert np.allclose(SpinTerms.of(model).local_fields(spins)[:, k], cost / 2)


def test_integers_are_held_exactly_and_others_finely():
    step, w, b, exact = integers(np.array([0.3, -1.2, 0.6]), np.array([2.1, 0.0]))
    assert exact and np.allclose(step * w, [0.3, -1.2, 0.6]) and np.allclose(step * b, [2.1, 0.0])
    assert np.abs(w).max() == 4
    step, w, b, exact = integers(np.array([1.0, np.pi]), np.array([100.0]))
    assert not exact and np.abs(w).max() == 2**15 - 1
    assert np.allclose(step * w, [1.0, np.pi], atol=step / 2)


def test_the_tables_are_the_levels():
    """P(+1 | F) of every level is σ(2β·step·F) within a threshold, at fields that are dithered too."""
    rng = np.random.default_rng(12)
    for scale in (1, 300):
        graph = random_graph(30, 0.5, 12, weights=(-scale, scale - 1 or 1))
        fit = fitted(cut_model(graph), (0.001, 0.01 / scale), None, 0)
        assert (fit.image.shift > 0) == (scale > 1)
        most = max(np.bincount(fit.fabric.topology.edges.ravel(), np.repeat(np.abs(fit.image.weights), 2)))
        field = rng.integers(-int(most), int(most) + 1, 64)
        for level, beta in enumerate(fit.betas):
            wanted = 1 / (1 + np.exp(-2 * beta * fit.step * field))
            got = flip_probability(fit.fabric, fit.image.tables[level], fit.image.shift, field)
            assert np.allclose(got, wanted, atol=1e-3)


def test_what_is_a_lattice():
    assert is_lattice(cut_model(networkx.grid_2d_graph(10, 10, periodic=True)))
    assert is_lattice(cut_model(networkx.grid_graph((5, 5, 5))))
    assert not is_lattice(cut_model(networkx.random_regular_graph(3, 200, seed=1)))
    assert not is_lattice(cut_model(networkx.gnp_random_graph(100, 0.1, seed=1)))
    assert not is_lattice(cut_model(networkx.empty_graph(3)))


def test_the_range_scales_with_the_couplings():
    graph = random_graph(60, 0.3, 13)
    model = cut_model(graph)
    hot, cold = annealing_range(model)
    scaled = annealing_range(model.with_weights(model.biases, 1000 * model.couplings))
    assert np.allclose(scaled, (hot / 1000, cold / 1000)) and 0 < hot < cold
    assert annealing_range(cut_model(networkx.empty_graph(3)))[0] > 0


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"budget": fab.Budget(flips=10)}, r"^a budget of 10 flips does not reach for one sweep of all reads, which "),
        ({"budget": "1 s"}, r"^a budget is a number of seconds or a Budget, got '1 s'\.$"),
        ({"budget": 0}, r"^seconds of a budget must be a positive finite number, got 0\.0\.$"),
        ({"reads": 0}, r"^reads must be an integer of at least 1, got 0\.$"),
        ({"seed": -1}, r"^seed must lie in 0…2\^64-1, got -1\.$"),
        ({"method": "tabu"}, r"^unknown method 'tabu'; known are annealing, tempering\.$"),
        ({"method": "tempering", "fabric": "g4-4x4"}, r"^tempering runs on pairs of spins on a fabric of their own gr"),
        ({"beta_range": (2, 1)}, r"^beta_range must be two positive numbers, the smaller first, got \(2, 1\)\.$"),
        ({"beta_range": 3}, r"^beta_range must be two numbers, hottest first, got 3\.$"),
        ({"device": "abacus"}, r"^unknown device 'abacus'; known are "),
    ],
)
def test_refusals(options, sentence):
    with pytest.raises((SpecError, DeviceError), match=sentence):
        fab.minimise(networkx.path_graph(4), **options)


@pytest.mark.parametrize(
    "problem, sentence",
    [
        (networkx.DiGraph([(0, 1)]), r"^MaxCut is of an undirected graph, got a DiGraph; convert with "),
        (networkx.Graph(), r"^the graph has no nodes; there is nothing to cut\.$"),
        (networkx.Graph([(0, 1, {"weight": float("nan")})]), r"^edge weights must be finite numbers, got nan\.$"),
        (3.0, r"^cannot compile a builtins\.float; give a "),
    ],
)
def test_bad_problems(problem, sentence):
    with pytest.raises(fab.ThermofabError, match=sentence):
        fab.minimise(problem, budget=1)


@pytest.mark.parametrize("given", [{}, {"seconds": 1, "flips": 2}, {"sweeps": 0}, {"sweeps": ()}, {"flips": True}])
def test_bad_budgets(given):
    with pytest.raises(SpecError, match="^(a budget is one of|flips of a budget must|sweeps of a budget are)"):
        fab.Budget(**given)


def test_it_says_what_it_did():
    said = str(fab.minimise(networkx.path_graph(6), budget=SHORT, bound=True))
    assert said.startswith("cut 5 in 128 of 128 reads, 2 runs of up to 256 sweeps\nannealing (not a lattice), β ")
    assert "own graph, 6 sites" in said and "gap" in said
