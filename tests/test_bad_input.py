"""Bad input, through the public names: each error says what was wrong and what would be right, before any work."""

# THRML asks for lists of its abstract nodes and blocks, which lists of spin nodes are not to a type checker.
# pyright: reportArgumentType=false

import dimod
import jax
import jax.numpy as jnp
import networkx
import numpy as np
import pytest
from thrml import Block, SamplingSchedule, SpinNode
from thrml.models import IsingEBM, IsingSamplingProgram

import thermofab as fab
from thermofab.hw.spec import CompileError, SpecError, ThermofabError, ToolMissingError
from thermofab.sim.toolchain import find_compiler


def ising(n=4, weights=None):
    nodes = [SpinNode() for _ in range(n)]
    edges = list(zip(nodes[:-1], nodes[1:]))
    weights = jnp.full(n - 1, 0.5) if weights is None else weights
    return nodes, IsingEBM(nodes, edges, jnp.zeros(n), weights, jnp.array(1.0))


def clamped_program():
    nodes, ebm = ising()
    return nodes, IsingSamplingProgram(ebm, [Block([nodes[1]]), Block([nodes[2]])], [Block([nodes[0], nodes[3]])])


def image(weights):
    spec = fab.fabric("g4-2x2")
    return fab.Image(spec, weights, np.zeros(4, int), np.full((4, 256), 2048), 3, np.full(4, -1))


def weight_out_of_range():
    image(np.full(4, 200))


def non_symmetric_weights():
    couplings = np.zeros((4, 4), int)
    couplings[0, 1] = 3
    fab.Image.from_matrix(fab.fabric("g4-2x2"), couplings, np.zeros(4, int), step=0.01, shift=3)


def edge_inside_a_block():
    nodes, ebm = ising()
    fab.compile(IsingSamplingProgram(ebm, [Block(nodes)], []), "g4-4x4")


def unknown_node_to_sample():
    _, program = clamped_program()
    free = [jnp.zeros(1, bool), jnp.zeros(1, bool)]
    clamp = [jnp.zeros(2, bool)]
    fab.sample_states(jax.random.key(0), program, SamplingSchedule(1, 1, 1), free, clamp, [Block([SpinNode()])])


def program_too_large():
    fab.compile(dimod.BinaryQuadraticModel(np.zeros(17), {}, 0.0, "SPIN"), "g4-4x4")


def disconnected_target():
    two = networkx.disjoint_union(networkx.path_graph(3), networkx.path_graph(3))
    networkx.set_edge_attributes(path := networkx.path_graph(5), dict.fromkeys(path.edges, 1.0), "weight")
    fab.compile(path, fab.fabric(two))


def nan_weights():
    _, ebm = ising(weights=jnp.array([0.1, jnp.nan, 0.2]))
    fab.compile(ebm, "g4-4x4")


def clamp_of_wrong_shape():
    _, program = clamped_program()
    fab.compile(program, "g4-4x4").sample(fab.Schedule(1, 1), clamp=[np.zeros(3, bool)])


def schedule_without_samples():
    _, program = clamped_program()
    fab.compile(program, "g4-4x4").sample(SamplingSchedule(1, 0, 1), clamp=[np.zeros(2, bool)])


def image_for_another_fabric():
    fab.open_device("jax", fab.fabric("g4-2x2", weight_bits=6)).load(image(np.zeros(4, int)))


@pytest.mark.parametrize(
    "call, kind, sentence",
    [
        (weight_out_of_range, SpecError, r"^weights must lie in -127…127 .*, got 200; rescale or widen the fabric\.$"),
        (non_symmetric_weights, SpecError, r"^couplings must be symmetric, .* Use \(w \+ w\.T\) / 2\.$"),
        (edge_inside_a_block, CompileError, r"block.*(split|Split)"),
        (unknown_node_to_sample, ThermofabError, r"which is not a node of this program; ask for nodes of its"),
        (program_too_large, CompileError, r"17 .*16 "),
        (disconnected_target, CompileError, r"(?i)connected"),
        (nan_weights, ThermofabError, r"(?i)nan.*finite"),
        (clamp_of_wrong_shape, SpecError, r"^clamp\[0\] must have shape \(2,\) or \(1, 2\), got \(3,\)\.$"),
        (schedule_without_samples, SpecError, r"^n_samples must be an integer of at least 1, got 0\.$"),
        (image_for_another_fabric, SpecError, r"^the image is for a fabric with digest .*; compile the program for"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(call, kind, sentence):
    with pytest.raises(kind, match=sentence) as caught:
        call()
    print(caught.value)


@pytest.mark.rtl
def test_a_missing_tool_is_named_with_the_line_that_brings_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("THERMOFAB_CACHE", str(tmp_path / "cache"))
    find_compiler.cache_clear()  # which remembers what it has found
    try:
        with pytest.raises(ToolMissingError, match=r"install"):
            fab.open_device("rtl", fab.fabric("g4-2x2"))
    finally:
        find_compiler.cache_clear()


def test_missing_arviz_is_named_with_the_line_that_brings_it(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "arviz", None)
    nodes, ebm = ising()
    out = fab.compile(ebm, "g4-4x4").sample(fab.Schedule(1, 2), device="reference")
    with pytest.raises(ToolMissingError, match=r"pip install 'thermofab\[arviz\]'"):
        out.to_arviz()
