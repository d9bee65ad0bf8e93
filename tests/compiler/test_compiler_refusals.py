"""Refusals that need a case of their own: what was wrong, and what would be right, in a sentence."""

import jax
import jax.numpy as jnp
import networkx
import numpy as np
import pytest
from thrml.block_management import Block
from thrml.block_sampling import BlockGibbsSpec, BlockSamplingProgram
from thrml.models.discrete_ebm import SpinGibbsConditional
from thrml.models.ising import IsingEBM, IsingSamplingProgram
from thrml.pgm import DEFAULT_NODE_SHAPE_DTYPES, AbstractNode, CategoricalNode, SpinNode

import thermofab as fab
from tests.compiler.compiler_cases import paired
from thermofab.compiler import verify
from thermofab.compiler.frontend import lower
from thermofab.compiler.frontend.thrml_nodes import check_spin
from thermofab.compiler.ir.lowered import discrete_model
from thermofab.compiler.ir.stages import Source
from thermofab.compiler.passes.colour import Colour
from thermofab.compiler.passes.place import Place
from thermofab.compiler.passes.root_and_wire import RootAndWire
from thermofab.hw.spec import CompileError, DistributionWarning, IsingModel, SpecError
from thermofab.hw.spec.discrete import DiscreteModel, factor_of


def model_of(nodes, categories, *factors):
    return DiscreteModel(tuple(range(nodes)), np.array(categories), tuple(factors))


def ising(graph, weight=0.5):
    graph = graph.copy()
    networkx.set_edge_attributes(graph, dict.fromkeys(graph.edges, weight), "weight")
    return graph


def test_an_empty_program():
    with pytest.raises(CompileError, match=r"^the program has no nodes; there is nothing to sample\.$"):
        discrete_model([], np.zeros(0, dtype=np.int64), [])


def test_nodes_that_hold_trees():
    with pytest.raises(CompileError, match=r"^Tree nodes hold a tree of arrays, and a p-bit holds one bit; use Spin"):
        check_spin(type("Tree", (), {}), {"a": 1})


def test_categorical_nodes_sampled_as_spins():
    class Flag(CategoricalNode):
        pass

    structs = {**DEFAULT_NODE_SHAPE_DTYPES, Flag: jax.ShapeDtypeStruct((), jnp.bool_)}
    spec = BlockGibbsSpec([Block([Flag()])], [], structs)
    with pytest.raises(CompileError, match=r"^Flag nodes are categorical, and SpinGibbsConditional samples spins; use"):
        fab.compile(BlockSamplingProgram(spec, [SpinGibbsConditional()], []), "g4-2x2")


def test_unknown_codes_and_tables_too_wide():
    model = model_of(2, [3, 3], factor_of([[]], [[0, 1]], np.ones((1, 3, 3))))
    with pytest.raises(CompileError, match=r"^code must be one of 'binary', 'gray', 'unary', got 'morse'\.$"):
        fab.compile(model, "complete-8", code="morse")
    wide = model_of(3, [200, 200, 90], factor_of([[]], [[0, 1, 2]], np.zeros((1, 200, 200, 90))))
    sentence = (
        r"^a term over categorical nodes \[0, 1, 2\] has 23 bits, and its polynomial up to 2\^23 terms; at most 20"
    )
    with pytest.raises(CompileError, match=sentence):
        fab.compile(wide, "complete-30")


def test_more_hidden_spins_than_sites():
    model = model_of(4, [0] * 4, factor_of([[0, 1, 2], [1, 2, 3], [0, 2, 3]], [[], [], []], np.ones(3)))
    sentence = r"^the program needs 4 spins and 3 hidden ones for its terms of three spins and more, and complete-5 has"
    with pytest.raises(CompileError, match=sentence):
        fab.compile(model, "complete-5")


def test_packed_programs_with_copies_that_may_break():
    complete = ising(networkx.complete_graph(7), 0.3)
    sentence = r"^packed programs would share one yield: a sample is whole only if no part has broken copies\. Pass a"
    with pytest.raises(CompileError, match=sentence):
        fab.pack([complete, complete], "chimera-4", seed=1)


def test_wires_between_sites_of_one_colour():
    draft = RootAndWire()(Place()(paired(Source(lower(ising(networkx.path_graph(3)), 1.0), fab.fabric("g4-2x2")))))
    object.__setattr__(draft.fabric.topology, "colours", np.zeros(4, dtype=np.int32))
    with pytest.raises(CompileError, match=r"^coupled sites \d and \d share a colour; recolour the fabric's topology"):
        Colour()(draft)


def test_distributions_and_their_clamps():
    distribution = fab.exact(model_of(1, [3], factor_of([[]], [[0]], np.ones((1, 3)))))
    with pytest.raises(SpecError, match=r"^marginals are of spins; with categorical nodes use frequencies\.$"):
        _ = distribution.marginals
    nodes: list[AbstractNode] = [SpinNode() for _ in range(3)]
    ebm = IsingEBM(nodes, [(nodes[0], nodes[1]), (nodes[1], nodes[2])], jnp.zeros(3), jnp.ones(2), jnp.array(1.0))
    program = IsingSamplingProgram(ebm, [Block(nodes[:1]), Block(nodes[1:2])], [Block(nodes[2:])])
    with pytest.raises(SpecError, match=r"^clamp\[0\] must have shape \(1,\), got \(3,\)\.$"):
        fab.exact(program, clamp=[np.array([True, False, True])])
    with pytest.raises(SpecError, match=r"^this program has clamped nodes and clamp gives no value for "):
        fab.exact(program)


def test_verification_is_at_factor_one():
    with pytest.warns(DistributionWarning, match=r"not verified: verification is of β factor 1, which no level of"):
        program = fab.compile(ising(networkx.path_graph(3)), "g4-2x2", beta_levels=(0.5,), verify=True)
    assert program.report.end_to_end.standing == "unknown"
    assert verify(fab.compile(ising(networkx.path_graph(3)), "g4-2x2")).report.end_to_end_tv is not None


def test_verification_beyond_enumeration_keeps_the_program():
    """The fault: an error after placement, wires and rounding are done, and the program lost."""
    source = ising(networkx.grid_2d_graph(5, 5))
    with pytest.warns(DistributionWarning, match=r"not verified: verification enumerates 25 sites .*at most 20"):
        program = fab.compile(source, "g4-5x5", verify=True)
    assert program.report.end_to_end.standing == "predicted" and program.report.quantisation.tv is None
    assert program.image == fab.compile(source, "g4-5x5", verify=False).image


def test_a_dense_fabric_of_a_lattice_takes_one_site_per_node():
    triangle = IsingModel((0, 1, 2), np.zeros(3), np.array([[0, 1], [0, 2], [1, 2]]), np.ones(3))
    dense = fab.fabric("g4-4x4", architecture="dense")
    with pytest.raises(CompileError, match="one site per node, as a dense fabric has it.*complete-3"):
        fab.compile(triangle, dense)
    with pytest.raises(CompileError, match="copies give node 0 2 sites, and a dense fabric holds one per node"):
        fab.compile(triangle, dense, copies=[(0, 1), (4,), (5,)])
    pair = IsingModel((0, 1), np.zeros(2), np.array([[0, 1]]), np.ones(1))
    assert fab.compile(pair, dense, tolerance=1.0).report.sites == 2
