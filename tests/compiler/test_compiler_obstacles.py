"""Programs that a fabric holds at no size: the refusal says why, and what it tells to take does hold the program."""

import re

import networkx
import numpy as np
import pytest

import thermofab as fab
from thermofab.compiler import fabric_of
from thermofab.hw.spec import CompileError
from thermofab.hw.spec.discrete import DiscreteModel, factor_of

OWN = "the program's own fabric, thermofab.compiler.fabric_of(program)"
CROSS = "a fabric whose connections cross, such as king, g12 or pegasus"
JOIN = "a fabric whose edges join all sites, such as king, g12 or pegasus"
ODD = "the graph of the program's nodes has a cycle of odd length and that of the fabric's cells has none"


def ising(graph):
    graph = graph.copy()
    networkx.set_edge_attributes(graph, dict.fromkeys(graph.edges, 0.4), "weight")
    return graph


def potts(graph, q):
    graph = networkx.convert_node_labels_to_integers(graph)
    pairs = tuple(factor_of([[]], [[i, j]], np.eye(q)[None]) for i, j in graph.edges)
    return DiscreteModel(tuple(graph), np.full(len(graph), q), pairs)


def four_spins():
    return DiscreteModel(tuple(range(4)), np.zeros(4, int), (factor_of([[0, 1, 2, 3]], [[]], np.ones(1)),))


def into(nodes, edges, name, sites, fabric_edges):
    fabric = f"{name} ({sites} sites, {fabric_edges} edges)"
    return f"no embedding of the program's {nodes} nodes and {edges} edges into {fabric}: "


def apart(joined, needed):
    return f", and its edges alone join no more than {joined} sites, where {needed} spins must be connected. Take "


PLANE = (
    "the program's graph is not planar, and no planar fabric, such as this one, holds it at any size. "
    f"Take {CROSS}, or {OWN}."
)


@pytest.mark.parametrize(
    "source, fabric, sentence, instead",
    [
        # Ising graphs that are not planar, on a square grid.
        (ising(networkx.complete_graph(5)), "g4-6x6", into(5, 10, "g4-6x6", 36, 60) + PLANE, "king-6x6"),
        (ising(networkx.complete_bipartite_graph(3, 3)), "g4-9x9", into(6, 9, "g4-9x9", 81, 144) + PLANE, "g12-16x16"),
        (
            ising(networkx.complete_graph(17)), "g4-4x4",
            "the program has 17 nodes and the fabric g4-4x4 only 16 sites; " + PLANE, None,
        ),
        # A term of four spins is a complete graph of five with its hidden spin.
        (four_spins(), "g4-6x6", into(5, 10, "g4-6x6", 36, 60) + PLANE, "pegasus-2"),
        (
            four_spins(), "g4-2x2",
            "the program needs 4 spins and 1 hidden ones for its terms of three spins and more, and g4-2x2 has only 4 "
            f"sites; {PLANE}", None,
        ),
        (
            ising(networkx.cycle_graph(4)), "g4-1x9",
            into(4, 4, "g4-1x9", 9, 8) + "the program's graph has cycles, and the fabric's has none at any length. "
            f"Take a fabric with cycles, such as g12 or pegasus, or {OWN}.", "g12-8x8",
        ),
        # Categories on cells, whose factors couple them as a square grid does.
        (
            potts(networkx.cycle_graph(5), 4), "pdit4-4x4",
            into(15, 42, "pdit4-4x4", 32, 16) + f"{ODD}{apart(2, 15)}{OWN}, or {JOIN}.", "king-8x8",
        ),
        (
            potts(networkx.cycle_graph(5), 4), "pdit4-2x2",
            "the program needs 10 spins and 5 hidden ones for its terms of three spins and more, and pdit4-2x2 has "
            f"only 8 sites; {ODD}{apart(2, 15)}{OWN}, or {JOIN}.", None,
        ),
        (
            potts(networkx.complete_bipartite_graph(3, 3), 4), "pdit4-4x4",
            into(21, 78, "pdit4-4x4", 32, 16) + "the graph of the program's nodes is not planar and that of the "
            f"fabric's cells is{apart(2, 21)}{OWN}, or {JOIN}.", None,
        ),
        (
            potts(networkx.path_graph(3), 8), "pdit4-4x4",
            into(21, 79, "pdit4-4x4", 32, 16) + "a term of the program has 6 spins and the widest factor of the fabric "
            f"4 sites{apart(2, 21)}{OWN}, or {JOIN}.", None,
        ),
        # Terms of eight spins, for which there are no factors at all.
        (
            potts(networkx.path_graph(2), 16), "pdit8-16x16",
            into(31, 131, "pdit8-16x16", 768, 768) + "a term of the program has 8 spins and the widest factor of the "
            f"fabric 6 sites{apart(3, 31)}{JOIN}.", None,
        ),
        # Five neighbours of one cell: not seen through, and the sentence promises nothing of a larger one.
        (
            potts(networkx.star_graph(5), 4), "pdit4-4x4",
            into(17, 46, "pdit4-4x4", 32, 16) + "not every term of the program has a factor of the fabric at one site "
            f"per spin{apart(2, 17)}{OWN}, or a larger fabric of this kind where its cells are coupled as the "
            f"program's nodes are, or {JOIN}.", None,
        ),
    ],
)  # fmt: skip
def test_what_no_size_holds(source, fabric, sentence, instead):
    """The fault: "take a larger fabric", which never helps."""
    with pytest.raises(CompileError, match=f"^{re.escape(sentence)}$"):
        fab.compile(source, fabric)
    if OWN in sentence:
        assert fab.compile(source, fabric_of(source), verify=False).report.sites
    if instead is not None:
        assert fab.compile(source, instead, verify=False).report.sites


def test_clamped_nodes_that_make_a_program_not_planar():
    """K5 of THRML spins with one node clamped: its value makes the rest K4, which a grid holds."""
    jnp = pytest.importorskip("jax.numpy")
    from thrml import Block, SpinNode
    from thrml.models import IsingEBM, IsingSamplingProgram
    from thrml.pgm import AbstractNode

    nodes: list[AbstractNode] = [SpinNode() for _ in range(5)]
    pairs = [(a, b) for k, a in enumerate(nodes) for b in nodes[k + 1 :]]
    ebm = IsingEBM(nodes, pairs, jnp.zeros(5), jnp.full(10, 0.3), jnp.array(1.0))
    program = IsingSamplingProgram(ebm, [Block([node]) for node in nodes[:4]], [Block(nodes[4:])])
    sentence = into(5, 10, "g4-6x6", 36, 60) + (
        "the program's graph is planar without its clamped nodes only, and the fabric's is planar at any size. Give "
        f"clamp= the values of these nodes, which then need no site, or take {CROSS}, or {OWN}."
    )
    with pytest.raises(CompileError, match=f"^{re.escape(sentence)}$"):
        fab.compile(program, "g4-6x6")
    assert fab.compile(program, "g4-6x6", clamp={nodes[4]: True}, tolerance=1.0).report.sites


@pytest.mark.parametrize(
    "source, fabric",
    [
        (ising(networkx.cycle_graph(5)), "g4-4x4"),  # chains make an odd cycle even
        (potts(networkx.cycle_graph(3), 4), "pdit4-3x3-torus"),  # whose cells have odd cycles
        (potts(networkx.cycle_graph(3), 2), "pdit4-2x2"),  # three bits in one factor
        (potts(networkx.cycle_graph(4), 4), "pdit4-2x2"),
    ],
)
def test_what_fits_is_not_refused(source, fabric):
    assert fab.compile(source, fabric, verify=False).report.sites


def test_large_graphs_are_left_to_the_search(monkeypatch):
    """Planarity of some thousand nodes takes seconds: no verdict there, and the search's own sentence."""
    monkeypatch.setattr("thermofab.compiler.placement.obstacles._MOST", 30)
    with pytest.raises(CompileError, match=r"was found in 1 tries\. Take a larger or better connected fabric"):
        fab.compile(ising(networkx.complete_graph(5)), "g4-6x6", seed=77, tries=1)


def test_no_search_runs_where_none_can_succeed(monkeypatch):
    monkeypatch.setattr("thermofab.compiler.passes.place.embeddings", lambda *_: pytest.fail("searched all the same"))
    with pytest.raises(CompileError, match="is not planar"):
        fab.compile(ising(networkx.complete_graph(6)), "g4-8x8")
