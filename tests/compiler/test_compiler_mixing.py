"""Mixing in the report: enumerated for small programs, measured for others."""

import networkx
import numpy as np
import pytest

import thermofab as fab
from tests.present import present
from thermofab.compiler.distributions.stationary import slowest_mode
from thermofab.hw.spec import SpecError
from thermofab.hw.spec.mixing import effective_samples
from thermofab.hw.spec.report import Report


def chain(n, coupling, bias=0.0):
    graph = networkx.path_graph(n)
    networkx.set_edge_attributes(graph, dict.fromkeys(graph.edges, coupling), "weight")
    networkx.set_node_attributes(graph, dict.fromkeys(graph.nodes, bias), "bias")
    return graph


@pytest.mark.parametrize("coupling", [0.3, 1.0, 1.5])
def test_two_spins_forget_by_tanh_squared_a_sweep(coupling):
    """s₂ is redrawn with mean tanh(J) s₁, then s₁ with mean tanh(J) s₂."""
    program = fab.compile(chain(2, coupling), "g4-2x2")
    decay = np.tanh(coupling) ** 2
    assert slowest_mode(program.image, np.full(4, -1)) == pytest.approx(decay, rel=0.02)
    cycles = program.report.cycles_per_sweep
    assert present(program.report.mixing).per_megacycle == pytest.approx(
        1e6 / cycles * (1 - decay) / (1 + decay), rel=0.05
    )


def test_a_run_finds_the_slowest_mode_that_enumeration_does():
    program = fab.compile(chain(2, 1.5), "g4-2x2")
    schedule = fab.Schedule(50, 4000, 1)
    measured = present(program.with_mixing(schedule, device="native", replicas=256).report.mixing)
    # Means move with the slowest mode, the product much faster: the two figures are of one size.
    assert 0.7 < measured.per_megacycle / present(program.report.mixing).per_megacycle < 3
    assert measured.kept == 1.0 and "256 chains of 4000 samples on native" in str(program.with_mixing(
        schedule, device="native", replicas=256).report)  # fmt: skip


def test_discarded_samples_do_not_count():
    graph = networkx.complete_graph(7)
    networkx.set_edge_attributes(graph, dict.fromkeys(graph.edges, 0.2), "weight")
    program = fab.compile(graph, "chimera-4", seed=1)
    mixing = present(program.with_mixing(fab.Schedule(500, 1000, 5), device="native").report.mixing)
    assert program.checks and 0.2 < mixing.kept < 0.9 and mixing.per_megacycle > 0


def test_independent_samples_count_one_each():
    draw = np.random.default_rng(0)
    values = draw.normal(size=(64, 500, 30))
    assert effective_samples(values) == pytest.approx(500, rel=0.1)
    held = np.repeat(draw.normal(size=(64, 50, 30)), 10, axis=1)
    assert effective_samples(held) == pytest.approx(50, rel=0.15)
    kept = draw.random((64, 500)) < 0.3
    assert effective_samples(values, kept) == pytest.approx(150, rel=0.15)
    stuck = np.repeat(draw.normal(size=(64, 1, 3)), 500, axis=1)
    assert effective_samples(stuck) < 1.1
    assert effective_samples(values, np.arange(64)[:, None] + np.zeros((1, 500)) < 1) == 0.0


def test_the_report_keeps_its_mixing():
    program = fab.compile(chain(3, 0.4), "g4-2x2")
    assert Report.from_json(program.report.to_json()).mixing == program.report.mixing
    assert "mixing         not measured" in str(fab.compile(chain(14, 0.4), "g4-4x4").report)


def test_few_chains_are_refused():
    with pytest.raises(SpecError, match="mixing is measured by the spread of chains, of at least 8; got replicas=2"):
        fab.compile(chain(3, 0.4), "g4-2x2").with_mixing(replicas=2)
