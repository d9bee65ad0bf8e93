"""The documents' calls and their combined use cases, run by our names."""

# THRML asks for lists of its abstract nodes and blocks, which lists of spin nodes are not to a type checker.
# pyright: reportArgumentType=false

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from thrml import SpinNode
from thrml.models import IsingEBM

import thermofab as fab
from thermofab.hw.spec import Schedule, SpecError
from thermofab.models.trlinkos import SearchConfig, TRLinkosTRM, search, trace_graph


@pytest.fixture(scope="module")
def model():
    return TRLinkosTRM(input_dim=64, hidden_dim=32, output_dim=64, n_experts=4)


def rows(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(8, 64))


def test_quick_start(model):
    output, trace = model.forward(rows(), max_steps=10, return_trace=True)
    assert isinstance(output, np.ndarray) and output.shape == (8, 64) and output.dtype == np.float32
    assert len(trace) == 10 and model.n_experts == 4
    assert np.array_equal(trace[-1].output, output)
    assert np.allclose(trace[0].experts.sum(axis=1), 1, atol=1e-6) and trace[0].experts.shape == (8, 4)
    assert np.array_equal(model.forward(rows(), max_steps=10), output)
    assert not np.array_equal(model.forward(rows(), max_steps=3), output)
    assert TRLinkosTRM(64, 32, 64).n_experts == 4


def test_tensors_keep_their_gradient(model):
    output = model(torch.as_tensor(rows(), dtype=torch.float32), max_steps=2)
    output.square().mean().backward()
    assert isinstance(output, torch.Tensor)
    assert any(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in model.parameters())
    model.net.zero_grad()


def test_trace_is_a_graph_that_verifies(model):
    _, trace = model.forward(rows(), max_steps=5, return_trace=True)
    graph = trace_graph(trace, row=3)
    assert graph.verify() and len(graph.nodes) == 5 and len(graph.path(list(graph.nodes)[-1])) == 5
    name = list(graph.nodes)[2]
    graph.nodes[name] = dataclasses.replace(graph.nodes[name], score=7.0)
    assert not graph.verify()


def test_energy_router_over_the_experts(model):
    """The listing's router, with the experts' weights as biases: compiled, and sampled with those odds."""
    _, trace = model.forward(rows(), max_steps=1, return_trace=True)
    odds = np.log(trace[0].experts[0]) / 2
    nodes = [SpinNode() for _ in range(model.n_experts)]
    router = IsingEBM(nodes, [], jnp.asarray(odds), jnp.zeros(0), jnp.array(1.0))
    samples = fab.compile(router, "g4-2x2").sample(Schedule(10, 2000), replicas=4, seed=1, device="native")
    on = np.concatenate(samples.states[0]).mean(axis=0)
    expected = 1 / (1 + np.exp(-2 * odds))
    # 8,000 independent draws a spin (no couplings): six standard errors and the table's rounding.
    assert np.abs(on - expected).max() < 6 * 0.5 / 8000**0.5 + 0.002


def test_alternative_paths_by_sampling(model):
    found = search(
        model.net, torch.as_tensor(rows(), dtype=torch.float32), SearchConfig(rounds=5, temperature=3.0, seed=2),
        trace=True,
    )  # fmt: skip
    assert found.back_tracks.sum() > 0 and all(graph.verify() for graph in found.traces)
    states = [node.state.tobytes() for node in found.traces[0].nodes.values()]
    assert len(set(states)) > model.config.steps + 1  # there are states off the plain path


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda m: m.forward(rows(), max_steps=0), r"^max_steps must be an integer of at least 1, got 0\.$"),
        (lambda m: m.forward(rows()[:, :3]), r"^features must have shape \[rows, 64\], got \[8, 3\]\.$"),
        (lambda m: m.forward(np.array([["a"]])), r"^features must be numbers, got <U1\.$"),
        (lambda m: m.forward(np.full((1, 64), np.nan)), r"^features hold NaN or infinite values"),
        (lambda m: TRLinkosTRM(3, 4, 1, n_experts=0), r"^experts must be at least 1, got 0\.$"),
    ],
)
def test_bad_input_is_refused(model, act, sentence):
    with pytest.raises(SpecError, match=sentence):
        act(model)
