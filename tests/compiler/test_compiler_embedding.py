"""Embeddings: templates, shortening, what is remembered, and that the outcome depends on nothing else."""

import json
import os
import subprocess
import sys

import networkx
import numpy as np
import pytest

import thermofab as fab
from tests.compiler.compiler_cases import boltzmann, distribution_over_roots, laid_out, model_of, weighted
from thermofab.compiler.placement import remember
from thermofab.compiler.placement.embedding import embeddings
from thermofab.compiler.placement.monomorphism import within_sublattice
from thermofab.compiler.placement.shorten import roots_and_paths, shortened
from thermofab.compiler.placement.subdivision import disjoint_wires
from thermofab.compiler.placement.templates import holds, templates
from thermofab.hw.spec import Exact


def edges_of(graph):
    return np.array(sorted(tuple(sorted(edge)) for edge in graph.edges))


@pytest.mark.parametrize("n", [3, 4, 7, 12, 20])
def test_wires_that_swap_meet_each_other_on_a_king_fabric(n):
    edges = edges_of(networkx.complete_graph(n))
    topology = fab.topology(f"king-{n}x{max(n - 1, 1)}")
    ((method, copies),) = templates(n, edges, topology)
    assert method == "clique template" and holds(copies, edges, topology)
    assert sum(map(len, copies)) == n * (n - 1)
    assert not list(templates(n, edges, fab.topology(f"king-{n - 1}x{n}")))


@pytest.mark.parametrize("a, b", [(2, 2), (3, 5), (8, 8), (12, 4)])
def test_only_wires_of_different_parts_swap_for_a_bipartite_graph(a, b):
    graph = networkx.complete_bipartite_graph(a, b)
    topology = fab.topology("king-32x32")
    found = dict(templates(a + b, edges_of(graph), topology))
    copies = found["biclique template"]
    assert holds(copies, edges_of(graph), topology)
    assert sum(map(len, copies)) < sum(map(len, found["clique template"]))


@pytest.mark.parametrize("name, n", [("chimera-3x3", 12), ("pegasus-3", 12), ("zephyr-2", 12)])
def test_bundles_of_qubits_hold_cliques(name, n):
    topology = fab.topology(name)
    edges = edges_of(networkx.complete_graph(n))
    ((_, copies),) = templates(n, edges, topology)
    assert holds(copies, edges, topology)


def test_what_is_not_an_embedding_does_not_hold():
    topology = fab.topology("g4-2x3")
    edges = np.array([(0, 1)])
    assert holds([(0,), (1,)], edges, topology)
    assert not holds([(0,), (2,)], edges, topology), "no fabric edge"
    assert not holds([(0, 2), (1,)], edges, topology), "not connected"
    assert not holds([(0, 1), (1,)], edges, topology), "a site twice"
    assert not holds([(0,), ()], edges, topology), "no site"


def test_sparse_graphs_have_no_template():
    assert not list(templates(20, edges_of(networkx.cycle_graph(20)), fab.topology("king-32x32")))


def test_shortened_layouts_stay_exact_and_have_fewer_sites():
    """K5 routed far apart: the distribution over the roots is the model's before and after."""
    source = weighted(networkx.complete_graph(5), 1)
    draft = laid_out(source, "g8-8x8")
    wide = disjoint_wires(
        draft.edges, draft.clamped, [(9,), (14,), (49,), (54,), (27,)], draft.fabric.topology, "by hand"
    )
    assert wide is not None
    short = shortened(wide, draft.edges, draft.clamped, draft.fabric.topology, moves=300)
    assert short.n_sites < wide.n_sites
    assert len({site for sites in short.copies for site in sites}) == short.n_sites
    roots, paths = roots_and_paths(short, draft.edges, draft.fabric.topology)
    for (i, j), path in zip(draft.edges.tolist(), paths):
        assert path[0] == roots[i] and path[-1] == roots[j]
        assert all((min(p), max(p)) in draft.fabric.topology.edge_index for p in zip(path, path[1:]))
    final = type(draft)(**{**vars(draft), "layout": short})
    assert np.max(np.abs(distribution_over_roots(final) - boltzmann(model_of(source)))) < 1e-9


def test_a_lattice_within_a_lattice_of_more_bonds_is_found():
    graph = networkx.convert_node_labels_to_integers(networkx.grid_2d_graph(9, 9))
    topology = fab.topology("g12-20x20")
    sites = within_sublattice(81, edges_of(graph), topology, 100_000)
    assert sites is not None and len(set(sites)) == 81
    assert all(tuple(sorted((sites[i], sites[j]))) in topology.edge_index for i, j in graph.edges)
    assert within_sublattice(5, edges_of(networkx.complete_graph(5)), topology, 1000) is None
    assert within_sublattice(4, edges_of(networkx.cycle_graph(4)), fab.topology("complete-9"), 1000) is None


def test_three_regular_graphs_are_exact_on_few_sites():
    source = weighted(networkx.random_regular_graph(3, 40, seed=4), 0)
    draft = laid_out(source, "g12-16x16")
    assert isinstance(draft.certificate, Exact) and draft.layout.n_trunks == 0
    assert 40 < draft.layout.n_sites < 64


def test_progress_is_told_of_every_run():
    draft = laid_out(weighted(networkx.complete_graph(6), 0), "king-8x8")
    told = []
    embeddings(draft, 0, 2, lambda done, total, what: told.append((done, total, what)))
    assert [done for done, _, _ in told] == [1, 2, 3, 4] and {total for _, total, _ in told} == {4}
    assert told[0][2].startswith("clique template: ")


def test_a_search_is_made_once_for_the_same_content(tmp_path, monkeypatch):
    monkeypatch.setenv("THERMOFAB_CACHE", str(tmp_path))
    remember.forget()
    made = []

    def make():
        made.append(1)
        return [[1, 2], "found"]

    assert remember.remembered("things", ("a", 1), make) == [[1, 2], "found"]
    assert remember.remembered("things", ("a", 1), make) == [[1, 2], "found"]
    remember.forget()
    assert remember.remembered("things", ("a", 1), make) == [[1, 2], "found"] and len(made) == 1
    assert remember.remembered("things", ("a", 2), make) and len(made) == 2
    assert remember.remembered("others", ("a", 2), make) and len(made) == 3
    monkeypatch.setenv("THERMOFAB_CACHE", "/proc/nowhere")
    assert remember.remembered("things", ("b",), make) and len(made) == 4
    remember.forget()


_COMPILE = """
import json, networkx, thermofab as fab
graph = networkx.random_regular_graph(3, 20, seed=2)
networkx.set_edge_attributes(graph, 0.4, "weight")
sparse = fab.compile(graph, "g8-10x10", verify=False)
clique = networkx.complete_graph(9)
networkx.set_edge_attributes(clique, 0.2, "weight")
dense = fab.compile(clique, "king-12x12", verify=False)
print(json.dumps([p.copies for p in (sparse, dense)] + [p.image.digest for p in (sparse, dense)]))
"""


@pytest.mark.soak
def test_compiling_is_the_same_in_every_process(tmp_path):
    """Fresh caches and other hash seeds: the same copies and the same bits."""
    found = []
    for seed in ("1", "77"):
        folder = tmp_path / seed
        environment = {**os.environ, "PYTHONHASHSEED": seed, "THERMOFAB_CACHE": str(folder)}
        ran = subprocess.run(
            [sys.executable, "-c", _COMPILE], env=environment, capture_output=True, text=True, check=True
        )
        found.append(json.loads(ran.stdout))
        assert list((folder / "placements").iterdir())
    assert found[0] == found[1]


def test_roots_drawn_apart_leave_room_for_wires():
    """K5 in the middle of a fabric: twice as far apart its wires are longer, and as disjoint."""
    source = weighted(networkx.complete_graph(5), 1)
    draft = laid_out(source, "g8-10x10")
    edges, clamped, topology = draft.edges, draft.clamped, draft.fabric.topology
    copies = [(44,), (45,), (54,), (55,), (64,)]
    near, far = (disjoint_wires(edges, clamped, copies, topology, "by hand", spread) for spread in (1.0, 2.0))
    assert near is not None and far is not None
    assert len({site for sites in far.copies for site in sites}) == far.n_sites
    span = [np.ptp(topology.coordinates[[sites[0] for sites in layout.copies]], axis=0) for layout in (near, far)]
    assert np.all(span[1] >= 1.5 * span[0])
    assert all(topology.degrees[sites[0]] >= 4 for sites in far.copies)
