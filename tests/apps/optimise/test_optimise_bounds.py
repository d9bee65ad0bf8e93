"""Bounds: never below an enumerated optimum, tight where theory says so, proven by a factor and not by an estimate."""

import gzip
import itertools
from pathlib import Path

import dimod
import networkx
import numpy as np
import pytest
from dimod.higherorder.polynomial import BinaryPolynomial
from scipy.sparse import csr_matrix

import thermofab as fab
from tests.present import present
from thermofab.apps.optimise import cycles, energy_bound, factorised, maxcut_bound, semidefinite
from thermofab.apps.optimise.bounds import matrix_of
from thermofab.apps.optimise.problem import cut_model
from thermofab.hw.spec import SpecError

GSET = Path("/work/shared/data/gset")
STATES = {n: np.array(list(itertools.product((0, 1), repeat=n)), dtype=bool) for n in range(1, 13)}


def graphs():
    """Many kinds of 2 to 12 nodes: weights of both signs, reals, isolated nodes, several components, dense, sparse."""
    rng = np.random.default_rng(0)
    for number in range(60):
        n = int(rng.integers(2, 13))
        graph = networkx.gnp_random_graph(n, float(rng.choice([0.2, 0.5, 1.0])), seed=number)
        kind = number % 4
        for u, v in graph.edges:
            weight = (1, rng.choice([-1, 1]), rng.normal(), rng.normal() * 10.0 ** rng.uniform(-6, 6))[kind]
            graph.edges[u, v]["weight"] = float(weight)
        yield graph
    yield from (networkx.cycle_graph(5), networkx.complete_graph(9), networkx.petersen_graph(), networkx.empty_graph(4))


def optimum(graph):
    return -cut_model(graph).energies(STATES[len(graph)]).min()


def test_no_cut_is_above_the_bound():
    for graph in graphs():
        best, bound = optimum(graph), maxcut_bound(graph, "semidefinite").value
        scale = sum(abs(w) for _, _, w in graph.edges(data="weight", default=1))
        assert best <= bound <= best + 0.15 * scale + 1e-9
        assert best <= maxcut_bound(graph, "cycles").value <= best + 0.25 * scale + 1e-9


def test_cycles_are_tight_on_planar_graphs():
    """Open ±1 grids are planar, where the inequalities of odd cycles are the cut polytope's own."""
    rng = np.random.default_rng(4)
    for shape in ((3, 4), (2, 6)):
        graph = networkx.grid_2d_graph(*shape)
        for u, v in graph.edges:
            graph.edges[u, v]["weight"] = int(rng.choice([-1, 1]))
        assert optimum(graph) <= maxcut_bound(graph, "cycles").value < optimum(graph) + 1e-6
    assert maxcut_bound(networkx.cycle_graph(5)).how == "cycles"
    assert maxcut_bound(networkx.cycle_graph(5)).value == pytest.approx(4, abs=1e-9)


def test_any_prices_of_cycles_bound_the_cut():
    """The fault: prices of a solver that stopped early, or are nonsense, give a number below the optimum."""
    graph, rng = networkx.gnp_random_graph(10, 0.6, seed=5), np.random.default_rng(5)
    edges, best = np.array(graph.edges), optimum(graph)
    weights = np.ones(len(edges))
    rows, sides = cycles.violated(10, edges, weights)
    assert present(rows.shape)[0] >= 8
    for scale in (0.0, 0.1, 1.0, 10.0):
        assert cycles.priced(rows, sides, scale * rng.random(len(sides)), weights) >= best
    cuts = [[float(a[u] != a[v]) for u, v in edges] for a in rng.integers(0, 2, (200, 10))]
    assert np.all(rows @ np.array(cuts).T <= sides[:, None] + 1e-12)  # every inequality holds for every cut
    assert np.any(rows @ weights > sides)  # and not for what it was made to cut off


def test_no_energy_is_below_the_bound():
    rng = np.random.default_rng(1)
    for vartype in ("SPIN", "BINARY"):
        for n in (1, 2, 6, 10):
            quadratic = {pair: float(rng.normal()) for pair in itertools.combinations(range(n), 2)}
            bqm = dimod.BinaryQuadraticModel(dict(enumerate(rng.normal(size=n).tolist())), quadratic, -7.5, vartype)
            least = dimod.ExactSolver().sample(bqm).first.energy  # pyright: ignore[reportAttributeAccessIssue]
            scale = sum(map(abs, bqm.quadratic.values())) + sum(map(abs, bqm.linear.values()))
            bound = energy_bound(bqm, "semidefinite").value
            assert energy_bound(bqm, "cycles").value <= least + 1e-12 * scale
            assert least - 0.2 * scale <= bound <= least + 1e-12 * scale
            found = fab.minimise(bqm, budget=fab.Budget(sweeps=100), bound=True)
            assert bound - 1e-12 * scale <= present(found.bound).value <= found.value + 1e-12 * scale
            assert found.gap == pytest.approx(found.value - present(found.bound).value, abs=1e-9)


def test_it_is_tight_where_theory_says():
    """Bipartite graphs: every edge is cut. The cycle of 5: 5(5+√5)/8. Complete graphs of n: n²/4."""
    for graph in (networkx.complete_bipartite_graph(3, 7), networkx.grid_2d_graph(6, 8), networkx.path_graph(30)):
        assert 0 <= maxcut_bound(graph).value - graph.number_of_edges() < 1e-4 * graph.number_of_edges()
    assert maxcut_bound(networkx.cycle_graph(5), "semidefinite").value == pytest.approx(
        5 * (5 + np.sqrt(5)) / 8, rel=1e-5
    )
    assert maxcut_bound(networkx.complete_graph(9)).value == pytest.approx(81 / 4, rel=1e-5)


@pytest.mark.parametrize("sparse", [False, True])
def test_the_eigenvalue_is_bounded_by_a_factor(sparse, monkeypatch):
    """Where the shift is too small there is no factor, and never a number above the least eigenvalue."""
    monkeypatch.setattr(factorised, "DENSE", 0 if sparse else 10**9)
    rng = np.random.default_rng(2)
    for n in (3, 20, 90):
        raw = rng.normal(size=(n, n)) * (rng.random((n, n)) < 0.9)
        matrix = csr_matrix(raw + raw.T)
        least = np.linalg.eigvalsh(matrix.toarray())[0]
        for share in (0.9, 0.999999, 1.000001, 1.1):
            got = factorised.least_eigenvalue_above(matrix, -least * share)
            if share < 1:
                assert got is None
            else:
                assert got is not None and got <= least + 1e-12 and got >= least * share - 1e-9


def test_a_wrong_eigenvalue_is_caught(monkeypatch):
    """The fault: an estimate that stopped early, far above the least eigenvalue. Bounds made of it alone would lie
    below the optimum; the factor refuses it.
    """
    graph = networkx.petersen_graph()
    y = semidefinite.multipliers(matrix_of(cut_model(graph)), 2000) - 0.3
    monkeypatch.setattr(semidefinite, "multipliers", lambda *_: y)
    monkeypatch.setattr(semidefinite, "_least_eigenvalue", lambda _: 0.0)
    believed = graph.number_of_edges() / 2 + float(y.sum())
    assert believed < optimum(graph) <= maxcut_bound(graph, "semidefinite").value


def test_bounds_hold_however_few_sweeps_were_taken():
    graph = networkx.gnp_random_graph(12, 0.5, seed=3)
    matrix, best = matrix_of(cut_model(graph)), optimum(graph)
    total = graph.number_of_edges() / 2
    bounds = [total - semidefinite.quadratic_bound(matrix, sweeps) for sweeps in (1, 3, 10, 1000)]
    assert min(bounds) >= best and bounds[0] > bounds[-1]


@pytest.mark.skipif(not GSET.exists(), reason="needs the Gset graphs")
def test_the_published_value_of_a_toroidal_grid():
    """G11: 629.16 (its optimum is 564)."""
    with gzip.open(GSET / "G11.txt.gz", "rt") as file:
        next(file)
        edges = [tuple(map(int, line.split()[:3])) for line in file if line.strip()]
    graph = networkx.Graph()
    graph.add_weighted_edges_from(edges)  # pyright: ignore[reportArgumentType]
    assert 629.16 <= maxcut_bound(graph, "semidefinite").value < 629.3


def test_what_has_no_bound():
    with pytest.raises(SpecError, match=r"^unknown bound 'guess'; known are semidefinite, cycles\.$"):
        maxcut_bound(networkx.path_graph(3), "guess")
    with pytest.raises(SpecError, match=r"^bounds are of models of spins and pairs, and this one has terms of more "):
        energy_bound(BinaryPolynomial({(0, 1, 2): 1.0}, "SPIN"))
