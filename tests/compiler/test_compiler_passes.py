"""What a pass is: every registered one, and one added by a test."""

import inspect
from dataclasses import FrozenInstanceError, dataclass, fields
from typing import Any, ClassVar, get_type_hints

import networkx
import numpy as np
import pytest

import thermofab as fab
from tests.compiler.compiler_cases import pairwise, weighted
from thermofab.compiler.ir.stages import Discrete, Paired, Placed, Quantised, Source, Wired
from thermofab.compiler.passes import pipelines
from thermofab.compiler.passes.discard import DiscardBroken
from thermofab.compiler.passes.emit import Emit
from thermofab.compiler.passes.factor_sites import KnownFactorSites
from thermofab.compiler.passes.fold_clamps import FoldClamps
from thermofab.compiler.passes.pipelines import PASSES, PIPELINES, pipeline_of
from thermofab.compiler.passes.place import KeepPlacements
from thermofab.compiler.passes.root_and_wire import KeepWires, RootAndWire
from thermofab.compiler.passes.scale_and_quantise import ScaleAndQuantise
from thermofab.hw.spec import CompileError, DiscreteModel
from thermofab.hw.spec.discrete import factor_of

GRID = weighted(networkx.grid_2d_graph(3, 3), 0)
ENDS = (FoldClamps, *PASSES.values(), Emit)
CUBIC = DiscreteModel((0, 1, 2), np.zeros(3, dtype=int), (factor_of([[0, 1, 2]], [[]], np.array([0.7])),))


@dataclass(frozen=True)
class Damp:
    """Multiplies couplings by ``factor``."""

    factor: float = 0.5
    name: ClassVar[str] = "damp"

    def __call__(self, stage: Paired) -> Paired:
        return stage.after(self.name, f"couplings times {self.factor:g}", couplings=self.factor * stage.couplings)


@pytest.fixture
def damp(monkeypatch):
    """``damp``, registered before ``place``."""
    lines = []
    for one in PASSES.values():
        lines += [Damp, one] if one.name == "place" else [one]
    monkeypatch.setattr(pipelines, "PASSES", {one.name: one for one in lines})
    return PIPELINES["exact"].replace("| place", "| damp | place")


@pytest.mark.parametrize("kind", [*ENDS, DiscardBroken, KnownFactorSites, KeepPlacements, KeepWires])
def test_passes_are_frozen_dataclasses_that_take_a_stage(kind):
    assert "name" in vars(kind) and get_type_hints(kind)["name"] == ClassVar[str]
    assert "name" not in {field.name for field in fields(kind)}
    assert kind.name == kind.name.lower().replace(" ", "-")
    assert kind.__dataclass_params__.frozen
    (_, given) = inspect.signature(kind.__call__).parameters.values()
    hints = get_type_hints(kind.__call__)
    assert set(hints) == {given.name, "return"}
    for stage in getattr(hints[given.name], "__args__", (hints[given.name],)):
        assert issubclass(stage, Source)


def test_names_are_of_one_pass_each_and_the_registrys():
    assert len({kind.name for kind in ENDS}) == len(ENDS)
    assert all(name == kind.name for name, kind in PASSES.items())
    with pytest.raises(FrozenInstanceError):
        pipeline_of("exact")[0].__setattr__("keep_zero", True)


def test_a_new_pass_serves_in_text_as_an_option_and_for_new_weights(damp):
    halved = fab.compile(GRID, "king-6x6", pipeline=damp)
    assert ("damp", "couplings times 0.5") in halved.report.passes
    model = pairwise(halved.model)
    alone = fab.compile(model.with_weights(model.biases, 0.5 * model.couplings), "king-6x6")
    assert halved.image.digest == alone.image.digest
    assert fab.compile(GRID, "king-6x6", pipeline=damp.replace("damp", "damp(factor=1)")).image.digest != (
        halved.image.digest
    )
    of_damp: Any = {"factor": 0.5}
    option = fab.compile(GRID, "king-6x6", pipeline=damp.replace("damp", "damp(factor=1)"), **of_damp)
    assert option.image.digest == halved.image.digest
    again = halved.with_weights(model)
    assert ("damp", "couplings times 0.5") in again.report.passes and again.copies == halved.copies
    assert fab.compile(GRID, "king-6x6").image.digest != halved.image.digest


def test_a_pass_that_does_not_exist_has_no_options():
    sentence = (
        r"^compile has no option 'factor'; it has beta, beta_levels, betas, budget, clamp, code, copies, .*pipeline, "
        r"powers, progress, .*trace, tries, verify\b.*\.$"
    )
    of_damp: Any = {"factor": 0.5}
    with pytest.raises(CompileError, match=sentence):
        fab.compile(GRID, "king-6x6", **of_damp)


def test_options_of_none_say_nothing():
    (wire,) = (one for one in pipeline_of("tolerant", {"tolerance": None}) if isinstance(one, RootAndWire))
    assert wire.tolerance == 0.05
    (scale,) = (one for one in pipeline_of("exact", {"refit": True}) if isinstance(one, ScaleAndQuantise))
    assert scale.refit and scale == ScaleAndQuantise(refit=True)


@pytest.mark.parametrize(
    "text, refused, stage",
    [
        ("canonicalise | place", "place", "Discrete"),
        ("canonicalise | higher-order | place", "higher-order", "Discrete"),
        ("canonicalise | categorical | place", "place", "Coded"),
    ],
)
def test_a_pipeline_without_a_pass_that_the_program_needs_is_refused(text, refused, stage):
    sentence = (
        rf"^the pass {refused} cannot take this program as it is then \({stage}\): the pipeline leaves out a pass"
    )
    with pytest.raises(CompileError, match=sentence):
        fab.compile(CUBIC, "complete-9", pipeline=f"{text} | root-and-wire | colour | scale-and-quantise")


def test_every_stage_has_what_is_known_by_then():
    seen = []
    fab.compile(CUBIC, "complete-9", trace=lambda name, stage: seen.append((name, type(stage), stage.summary)))
    assert [(name, kind.__name__) for name, kind, _ in seen] == [
        ("canonicalise", "Discrete"),
        ("categorical", "Coded"),
        ("factor-sites", "Coded"),
        ("higher-order", "Paired"),
        ("place", "Placed"),
        ("root-and-wire", "Wired"),
        ("colour", "Wired"),
        ("scale-and-quantise", "Quantised"),
    ]
    assert seen[0][2] == "3 nodes, 1 terms" and seen[-1][2] == "4 spins, 6 edges on 4 sites"
    for earlier, later in ((Source, Discrete), (Source, Paired), (Paired, Placed), (Placed, Wired), (Wired, Quantised)):
        assert {field.name for field in fields(earlier)} < {field.name for field in fields(later)}

    def without_placements(_: str, stage: Source) -> None:
        stage.to(Placed, "test", "nothing")

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'placements'"):
        fab.compile(GRID, "king-6x6", trace=without_placements)
