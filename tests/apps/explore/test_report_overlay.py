"""Several studies under one hypervolume: seeds of a search go together, and what cannot be compared is refused."""

import json

import pytest
from typer.testing import CliRunner

from thermofab.apps.cli import app
from thermofab.apps.explore import RecordStore, Settings, Space, StudyFile, run_study
from thermofab.apps.explore.objectives import Objective
from thermofab.apps.explore.report.overlay import overlay_facts, read_result
from thermofab.hw.spec import SpecError

STUDY = StudyFile(
    "searched",
    ("expert-router",),
    space=Space(("complete-20", "king-6x6", "own"), ("spatial", "dense"), weight_bits=(6, 8)),
    sampler="random",
    trials=4,
    settings=Settings(samples=100, warmup=20, replicas=8, pilot=0),
)


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A folder of two random searches and a longer one over a list, beside their records."""
    folder = tmp_path_factory.mktemp("searched")
    store = RecordStore(folder / "records.db")
    for study, name in (
        (STUDY, "a"), (STUDY.but(seed=1, name="again"), "b"), (STUDY.but(sampler="grid", trials=6), "c"),
    ):  # fmt: skip
        study.write(folder / f"{name}.json")
        run_study(study, store)
    store.close()
    return folder


def test_seeds_are_a_mean_and_a_band_about_one_reference_point(searched):
    results = [read_result(searched / f"{name}.json") for name in "abc"]
    assert all(result.fresh == 0 for result in results)
    found = overlay_facts(results)
    random, grid = found["series"]
    assert (random["label"], grid["label"]) == ("random, 2 seeds", "grid")
    assert random["studies"] == ["searched", "again"] and random["judged"] == [4, 4] and grid["judged"] == [6]
    # All lines are as long as the longest study; a shorter one goes on level.
    assert len(random["points"]) == len(grid["points"]) == 6 and not grid["band"]
    for (_, mean), (_, least, most) in zip(random["points"], random["band"]):
        assert mean == pytest.approx((least + most) / 2)
    assert random["points"][3][1] == random["points"][5][1] == pytest.approx(sum(random["last"]) / 2)
    worst = max(cost for result in results for point in result.points if point.costs for cost in point.costs[:1])
    assert found["reference"][0] == pytest.approx(10**-worst)


def test_the_command_overlays_finished_studies_and_judges_nothing(searched, tmp_path):
    asked = [word for name in "abc" for word in ("--overlay", str(searched / f"{name}.json"))]
    done = CliRunner().invoke(app, ["explore", *asked, "--out", str(tmp_path / "both"), "--json"])
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "both").iterdir()) == [
        "overlay.html", "overlay.json", "overlay.png",
    ]  # fmt: skip
    assert [one["label"] for one in json.loads(done.stdout)["series"]] == ["random, 2 seeds", "grid"]
    # Beside a study of its own, in its page.
    storage = ["--storage", str(searched / "records.db"), "--out", str(tmp_path / "own")]
    done = CliRunner().invoke(app, ["explore", str(searched / "c.json"), *asked[:4], *storage, "--json"])
    assert done.exit_code == 0 and json.loads(done.stdout)["fresh"] == 0
    told = json.loads((tmp_path / "own" / "result.json").read_text())["overlay"]
    assert [one["label"] for one in told["series"]] == ["grid", "random, 2 seeds"]
    assert (tmp_path / "own" / "overlay.png").exists()


def test_what_is_not_finished_or_not_comparable_is_refused(searched, tmp_path):
    STUDY.but(seed=2, trials=12).write(searched / "unfinished.json")
    with pytest.raises(SpecError, match="is not finished; run 'thermofab explore'"):
        read_result(searched / "unfinished.json")
    STUDY.write(tmp_path / "study.json")
    with pytest.raises(SpecError, match="give a study's folder"):
        read_result(tmp_path)
    one = read_result(searched / "a.json")
    other = run_study(STUDY.but(objectives=(Objective.of("min:lut4"),)), RecordStore(searched / "records.db"))
    with pytest.raises(SpecError, match="same workloads and objectives"):
        overlay_facts([one, other])
    with pytest.raises(SpecError, match="at least one study"):
        overlay_facts([])
