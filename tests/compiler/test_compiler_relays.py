"""Programs on fabrics with a programmed order: the integers of a fabric of their own graph, on trees or in a row."""

import json

import networkx
import numpy as np
import pytest

import thermofab as fab
from tests.present import present
from thermofab.compiler.distributions.stationary import slowest_mode, stationary_distribution
from thermofab.compiler.placement.trees import _gathered
from thermofab.hw.spec import CompileError, Exact, Image, Program, SpecError
from thermofab.hw.spec.clocks import sweep_clocks

RELAY = fab.fabric("g12-16x16", architecture="relay")


def complete(n: int, scale: float, seed: int = 0) -> networkx.Graph:
    draw, graph = np.random.default_rng(seed), networkx.complete_graph(n)
    for a, b in graph.edges:
        graph[a][b]["weight"] = float(draw.normal() * scale)
    for a in graph:
        graph.nodes[a]["bias"] = float(draw.normal() * 0.2)
    return graph


def own(program: Program) -> Image:
    """The image of the program's spins alone, in their order."""
    merged = program.image.merged
    place = np.searchsorted(merged.roots, program.roots)
    assert np.array_equal(merged.roots[place], program.roots)
    return merged.image


@pytest.fixture(scope="module")
def clique() -> Program:
    return fab.compile(complete(8, 0.35), RELAY)


@pytest.mark.parametrize("fabric", [RELAY, fab.fabric("complete-12", architecture="dense"),
                                    fab.fabric("king-10x10", architecture="relay", tile=1)], ids=str)  # fmt: skip
def test_a_graph_is_sampled_as_on_a_fabric_of_its_own(fabric):
    """Red if a coupling is lost between trees, counted twice, or scaled: the distances are those of the own graph."""
    graph = complete(8, 0.35)
    program, alone = fab.compile(graph, fabric), fab.compile(graph, fab.compiler.fabric_of(graph))
    ours, theirs = program.report, alone.report
    assert ours.certificate == Exact(ours.certificate.how) and ours.end_to_end.standing == "enumerated"
    assert ours.end_to_end.tv == pytest.approx(theirs.end_to_end.tv, abs=1e-9)
    assert ours.quantisation.kl == pytest.approx(theirs.quantisation.kl, abs=1e-9)
    assert ours.quantisation.step == theirs.quantisation.step
    image = own(program)
    spins = {int(site): k for k, site in enumerate(program.roots)}
    for (i, j), w in zip(image.fabric.topology.edges.tolist(), image.weights.tolist()):
        a, b = sorted(spins[int(program.image.merged.roots[k])] for k in (i, j))
        assert w == alone.image.weights[alone.fabric.topology.edge_index[a, b]]


def test_the_whole_tree_is_reported(clique):
    report, order = clique.report, clique.image.order
    assert report.sites == sum(map(len, clique.copies)) > 8 and report.longest_copy > 1
    assert report.cycles_per_sweep == sweep_clocks(clique.image)
    assert "one p-bit per node, its copies relays" in str(report) and "8 trees of height" in str(report)
    assert [order.is_root[sites[0]] for sites in clique.copies] == [True] * 8
    used = {site for sites in clique.copies for site in sites}
    assert set(np.flatnonzero(order.colours >= 0).tolist()) == used


def test_every_relay_carries_something(clique):
    """Red if copies that no coupling needs stay in a tree."""
    order, edges = clique.image.order, clique.fabric.topology.edges
    parents = set(order.parents.tolist())
    leaves = [site for site in np.flatnonzero(order.parents >= 0).tolist() if site not in parents]
    busy = set(edges[clique.image.weights != 0].reshape(-1).tolist())
    assert leaves and all(site in busy for site in leaves)


def test_devices_agree_on_a_compiled_program(clique):
    runs = [clique.sample(fab.Schedule(3, 20, 2), clamp={2: True}, replicas=2, device=name).states[0]
            for name in ("reference", "jax", "jax-xla")]  # fmt: skip
    assert all(np.array_equal(runs[0], run) for run in runs) and runs[0][..., 2].all()


def test_conditioning_holds_on_trees(clique):
    """Red if a clamped root does not hold its relays. False alarms: 5 standard errors of 7 means, below 1e-5 each run,
    and the seed is fixed."""
    expected = fab.exact(complete(8, 0.35), clamp={0: False})
    means = np.array([expected.probabilities @ expected.states[:, k] for k in range(7)])
    states = clique.sample(fab.Schedule(50, 4000, 4), clamp={0: False}, replicas=32, seed=3).states[0]
    assert not states[..., 0].any()
    error = states[..., 1:].mean(axis=1).std(axis=0) / np.sqrt(32)
    assert np.all(np.abs(states[..., 1:].mean(axis=(0, 1)) - means) < 5 * error + 0.004)


def test_other_weights_go_on_the_same_trees(clique):
    again = clique.with_weights(complete(8, 0.2, seed=5))
    assert again.copies == clique.copies and again.image.order.parents.tolist() == clique.image.order.parents.tolist()
    fresh = fab.compile(complete(8, 0.2, seed=5), RELAY, copies=clique.copies)
    assert np.array_equal(own(again).weights, own(fresh).weights)


def test_a_program_on_trees_comes_back_from_a_file(clique):
    again = Program.from_json(json.loads(json.dumps(clique.to_json())))
    assert again.digest == clique.digest and again.contract == 2


def test_a_program_on_trees_passes_its_check(clique):
    checked = clique.check(schedule=fab.Schedule(200, 300, 4), replicas=32).report.checked
    assert checked is not None and checked.passed


def test_the_enumerated_distribution_is_over_roots(clique):
    found = stationary_distribution(clique)
    assert found.sites == tuple(clique.roots.tolist()) and found.converged
    relay = clique.copies[next(k for k, sites in enumerate(clique.copies) if len(sites) > 1)][1]
    with pytest.raises(SpecError, match=rf"^site {relay} is no root of a tree; the stationary distribution is over"):
        stationary_distribution(clique, sites=[relay])
    free = np.full(RELAY.n_sites, -1)
    merged = clique.image.merged
    assert slowest_mode(clique.image, free) == slowest_mode(merged.image, np.full(8, -1))


def test_no_sample_is_discarded_where_an_embedding_discards():
    """Trees have no copies that could disagree, and no couplings that hold them together."""
    graph = complete(7, 0.3)
    embedded = fab.compile(graph, "chimera-4", seed=1, verify=False)
    program = fab.compile(graph, fab.fabric("chimera-4", architecture="relay"), seed=1, verify=False)
    assert embedded.checks and not program.checks
    assert program.report.quantisation.step < embedded.report.quantisation.step


def test_roots_of_a_draw_unit_have_different_colours():
    """A lattice in place has two colours; four sites of a tile make four of them."""
    graph = networkx.grid_2d_graph(6, 6)
    networkx.set_edge_attributes(graph, dict.fromkeys(graph.edges, 0.3), "weight")
    tiled, private = (fab.compile(graph, fab.fabric("g4-6x6", architecture="relay", tile=t)) for t in (2, 1))
    assert tiled.report.longest_copy == 1
    assert present(tiled.image.order).n_colours >= 4 and present(private.image.order).n_colours == 2
    assert private.report.cycles_per_sweep < tiled.report.cycles_per_sweep


def test_programs_of_every_kind_compile_onto_relays():

    graph = networkx.cycle_graph(5)
    networkx.set_edge_attributes(graph, dict.fromkeys(graph.edges, 0.4), "weight")
    parts = fab.pack([graph, complete(5, 0.3)], RELAY)
    samples = parts.sample(fab.Schedule(10, 30), replicas=2)
    assert [one.states[0].shape for one in samples] == [(2, 30, 5), (2, 30, 5)]


def test_a_graph_that_cannot_be_placed_is_refused_as_ever():
    with pytest.raises(CompileError, match=r"not planar"):
        fab.compile(complete(8, 0.35), fab.fabric("g4-16x16", architecture="relay"))
    with pytest.raises(CompileError):
        fab.compile(complete(8, 0.35), fab.fabric("complete-7", architecture="dense"))


def test_tall_trees_share_a_colour_where_they_can():
    """Node 3, tall and alone in its colour, goes to the other colour that has a tall tree."""
    near = [{1}, {0}, set(), set()]
    assert _gathered([0, 1, 0, 1], near, [2, 0, 0, 2]).tolist() == [0, 1, 0, 0]
    assert _gathered([0, 1, 0, 1], [{1, 3}, {0}, set(), {0}], [2, 0, 0, 2]).tolist() == [0, 1, 0, 1]


def test_the_report_names_the_architecture_that_suits_better(clique):
    """Eight nodes: one datapath does what 27 cells do, in fewer clocks."""
    assert clique.report.suits.startswith("dense: 8 sites, 48 clocks per sweep") and "suits better" in str(
        clique.report
    )
    dense = fab.compile(complete(8, 0.35), fab.fabric("complete-8", architecture="dense"))
    assert dense.report.suits == "" and "suits better" not in str(dense.report)
    lattice = networkx.grid_2d_graph(24, 24)
    networkx.set_edge_attributes(lattice, dict.fromkeys(lattice.edges, 0.2), "weight")
    relays = fab.compile(lattice, fab.fabric("g4-24x24", architecture="relay"), verify=False)
    assert relays.report.suits.startswith("spatial: 576 sites, 6 clocks per sweep")
    cubic = networkx.random_regular_graph(3, 40, seed=0)
    networkx.set_edge_attributes(cubic, dict.fromkeys(cubic.edges, 0.3), "weight")
    embedded = fab.compile(cubic, fab.fabric("g8-16x16", architecture="relay"), verify=False)
    assert embedded.report.suits.startswith("spatial: graphs of at most 3 neighbours per node embed exactly")
    again = Program.from_json(json.loads(json.dumps(relays.to_json())))
    assert again.report.suits == relays.report.suits
