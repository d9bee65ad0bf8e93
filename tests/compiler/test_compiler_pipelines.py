"""Pipelines as text, the trace of a compilation, and new weights on an old structure."""

import networkx
import numpy as np
import pytest

import thermofab as fab
from tests.compiler.compiler_cases import pairwise, weighted
from thermofab.compiler.ir.stages import Coded, Paired, Source
from thermofab.compiler.passes.base import Keeping
from thermofab.compiler.passes.pipelines import PIPELINES, pipeline_of
from thermofab.compiler.passes.root_and_wire import RootAndWire
from thermofab.compiler.passes.scale_and_quantise import ScaleAndQuantise
from thermofab.hw.spec import CompileError, DiscreteModel, IsingModel, SpecError
from thermofab.hw.spec.discrete import factor_of

GRID = weighted(networkx.grid_2d_graph(3, 3), 0)


@pytest.mark.parametrize("name", PIPELINES)
def test_named_pipelines_compile(name):
    program = fab.compile(GRID, "king-6x6", pipeline=name)
    assert program.report.certificate.tv == 0.0


def test_a_pipeline_as_text_is_the_named_one():
    text = "canonicalise | place(tries=4) | root-and-wire | colour | scale-and-quantise(enumerate_up_to=14)"
    assert fab.compile(GRID, "king-6x6", pipeline=text).digest == fab.compile(GRID, "king-6x6").digest


def test_arguments_go_before_the_text():
    passes = pipeline_of(PIPELINES["tolerant"], {"tolerance": 0.01})
    assert {one.tolerance for one in passes if isinstance(one, RootAndWire)} == {0.01}


@pytest.mark.parametrize(
    "text, sentence",
    [
        (
            "exactly",
            r"^unknown pass 'exactly' in a pipeline; passes are canonicalise, .*, and named pipelines exact, strict",
        ),
        ("canonicalise | colour", r"^a pipeline has the passes canonicalise \| .*; got canonicalise \| colour\.$"),
        ("place | place", r"^the pipeline has the pass 'place' twice\.$"),
        ("place(tries)", r"^'place\(tries\)' is not a pass with its fields, as in place\("),
        ("place(tries=open('x'))", r"^\"place\(tries=open\('x'\)\)\" is not a pass with its fields"),
        ("place(speed=3)", r"^the pass place has no field 'speed'; it has budget, copies, progress, seed, tries\.$"),
    ],
)
def test_malformed_pipelines_are_refused(text, sentence):
    with pytest.raises(CompileError, match=sentence):
        fab.compile(GRID, "king-6x6", pipeline=text)


def test_the_trace_sees_every_pass():
    seen = []

    def look(name: str, draft: Source) -> None:
        assert isinstance(draft, (Coded, Paired))
        seen.append((name, draft.n))

    program = fab.compile(GRID, "king-6x6", trace=look)
    assert [name for name, _ in seen] == [one.name for one in pipeline_of("exact")]
    reported = [name for name, _ in program.report.passes]
    assert reported == [name for name, _ in seen if name not in ("categorical", "factor-sites", "higher-order")]
    assert {n for _, n in seen} == {9}


def test_new_weights_give_the_program_that_compiling_gives():
    rng = np.random.default_rng(4)
    program = fab.compile(GRID, "king-6x6")
    model = pairwise(program.model)
    j, b = 0.5 * rng.normal(size=len(model.edges)), rng.normal(size=model.n_nodes)
    ours = program.with_weights(biases=b, couplings=j)
    assert ours.copies == program.copies and pairwise(ours.model).couplings.tolist() == j.tolist()
    again = program.with_weights(IsingModel(model.nodes, b, model.edges, j))
    assert again.digest == ours.digest
    anew = fab.compile(ours.model, "king-6x6", copies=program.copies)
    step = anew.report.quantisation.step
    for name in ("weights", "biases"):
        a, c = (getattr(p.image, name) * p.report.quantisation.step for p in (ours, anew))
        assert np.max(np.abs(a - c)) <= 1.5 * step
    assert fab.compiler.verify(ours).report.end_to_end_tv < 0.02
    twice = ours.with_weights(biases=model.biases, couplings=model.couplings)
    assert pairwise(twice.model).couplings.tolist() == model.couplings.tolist()


def test_new_weights_on_trunks_are_certified_anew():
    source = weighted(networkx.complete_graph(6), 1, coupling=0.2)
    program = fab.compile(source, "g4-4x4-torus", tolerance=0.3)
    assert 0 < program.report.certificate.tv <= 0.3
    stronger = program.with_weights(couplings=1.3 * pairwise(program.model).couplings)
    assert 0 < stronger.report.certificate.tv <= 0.3


def test_new_weights_of_categories():
    rng = np.random.default_rng(0)

    def model():
        return DiscreteModel(
            (0, 1, 2),
            np.array([3, 3, 0]),
            (
                factor_of([[]], [[0, 1]], rng.normal(size=(1, 3, 3))),
                factor_of([[2]], [[1]], rng.normal(size=(1, 3))),
            ),
        )

    program = fab.compile(model(), "complete-30")
    new = model()
    changed = program.with_weights(new)
    assert changed.copies == program.copies and changed.model is new
    with pytest.raises(CompileError, match=r"^biases and couplings alone are for programs of spins and pairs of spins"):
        program.with_weights(biases=np.zeros(3))


def test_weights_that_no_wire_carries_are_refused():
    graph = networkx.path_graph(3)
    networkx.set_edge_attributes(graph, {(0, 1): 0.5, (1, 2): 0.0}, "weight")
    program = fab.compile(graph, "g4-2x2")
    sentence = (
        r"^spins 1 and 2 are coupled by the new weights but were not by those the program was compiled with, so no "
        r"wire joins them; compile with keep_zero=True"
    )
    with pytest.raises(CompileError, match=sentence):
        program.with_weights(couplings=[0.5, 0.1])
    kept = fab.compile(graph, "g4-2x2", keep_zero=True)
    assert fab.exact(kept.with_weights(couplings=[0.5, 0.1])).moments().second[1] > 0.05
    with pytest.raises(CompileError, match=r"^couplings must have shape \(2,\), got \(3,\)\.$"):
        kept.with_weights(couplings=np.ones(3))
    with pytest.raises(CompileError, match=r"^couplings\[0\] is nan; every bias and weight must be a finite number"):
        kept.with_weights(couplings=[np.nan, 1.0])
    with pytest.raises(CompileError, match=r"^with_weights takes a source, or biases and couplings, not both\.$"):
        kept.with_weights(graph, couplings=[0.5, 0.1])
    with pytest.raises(CompileError, match=r"^the new weights belong to a program of 4 spins, the compiled one has 3"):
        kept.with_weights(weighted(networkx.path_graph(4), 0))
    read = type(kept).from_json(kept.to_json())
    with pytest.raises(SpecError, match=r"^a program read from a file has no structure to put new weights on; compile"):
        read.with_weights(couplings=[0.5, 0.1])


def test_new_weights_draw_no_states():
    """The fault: a search for a step from the start, with states of the model, in every step of a training loop."""
    assert isinstance(ScaleAndQuantise(), Keeping)
    source = weighted(networkx.grid_2d_graph(4, 5), 0)
    changed = fab.compile(source, fab.fabric(source)).with_weights(biases=np.zeros(20))
    assert "terms taken apart" in dict(changed.report.passes)["scale-and-quantise"]
    assert changed.report.table.how == "balance between wells not assessed"
