"""Blocks as a user names them, clamps that are left out, and runs that go on until enough samples are kept."""

# THRML asks for lists of its abstract nodes and blocks, which lists of spin nodes are not to a type checker.
# pyright: reportArgumentType=false

from dataclasses import replace

import jax.numpy as jnp
import networkx
import numpy as np
import pytest
from thrml import Block, SpinNode
from thrml.models import IsingEBM, IsingSamplingProgram

import thermofab as fab
from thermofab.hw.spec import DeviceError, Rejecting, Schedule, SpecError


@pytest.fixture(scope="module")
def clamped():
    """A THRML program of four nodes, the last two of which are clamped, and its nodes."""
    nodes = [SpinNode() for _ in range(4)]
    ebm = IsingEBM(nodes, list(zip(nodes, nodes[1:])), jnp.zeros(4), jnp.full(3, 0.5), jnp.array(1.0))
    return nodes, fab.compile(IsingSamplingProgram(ebm, [Block(nodes[:1]), Block(nodes[1:2])], [Block(nodes[2:])]))


def test_blocks_of_thrml_name_nodes_as_lists_do(clamped):
    nodes, program = clamped
    run = {"device": "reference", "clamp": {nodes[2]: True, nodes[3]: False}, "seed": 3}
    listed = program.sample(Schedule(5, 9), nodes=[[nodes[1]], [nodes[3], nodes[0]]], **run)
    of_blocks = program.sample(Schedule(5, 9), nodes=[Block([nodes[1]]), Block([nodes[3], nodes[0]])], **run)
    assert all(np.array_equal(a, b) for a, b in zip(listed.states, of_blocks.states))
    assert not of_blocks.states[1][..., 0].any(), "clamped to 0"


def test_a_clamped_node_without_a_value_is_named(clamped):
    nodes, program = clamped
    sentence = r"^this program has 2 clamped nodes and clamp gives no value for SpinNode.*; pass clamp=\[one array per"
    with pytest.raises(SpecError, match=sentence):
        program.sample(Schedule(5, 9), device="reference", clamp={nodes[2]: True})


def checked(coupling):
    """Two spins that are taken for copies of one, said to agree always."""
    graph = networkx.Graph([(0, 1, {"weight": coupling})])
    program = fab.compile(graph, "g4-2x2")
    (a,), (b,) = program.copies
    report = replace(program.report, certificate=Rejecting(1.0, "as the test says"))
    return program.replace(checks=((a, b),), report=report)


def test_as_many_samples_more_are_run_as_are_needed():
    """Uncoupled spins agree in half of the samples: the first run, of 1.25 times 40 samples and 8, has too few, the
    second, of 2.5 times 40 and 8, enough. The ledger has both."""
    program = checked(0.0)
    kept = program.sample(Schedule(0, 40), device="reference", seed=1)
    whole = program.sample(Schedule(0, 108), device="reference", seed=1, discard=False)
    assert whole.kept[:, :58].sum() < 40 <= whole.kept.sum()
    assert np.array_equal(kept.sites[0], whole.sites[0, whole.kept[0]][:40]) and kept.kept.all()
    assert kept.ledger.sweeps == 57 + 107 and kept.schedule.n_samples == 40


def test_a_run_whose_copies_hardly_ever_agree_ends_with_what_to_do():
    sentence = (
        r"^a replica has fewer than the 20 samples asked for among 208, the others have copies that disagree, where a "
        r"share of 1 was expected to be kept\. Warm up for longer, compile with a tolerance, or take a fabric that "
    )
    with pytest.raises(DeviceError, match=sentence):
        checked(-3.0).sample(Schedule(0, 20), device="reference", seed=1)
