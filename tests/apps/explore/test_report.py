"""The command and its files: one page without others, numbers with standings, a study that reproduces them."""

import csv
import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.present import present
from thermofab.apps.cli import app
from thermofab.apps.explore import StudyFile
from thermofab.hw.spec import SpecError


def test_the_command_reports_the_front_and_the_files(made):
    folder, said = made
    assert said["fabrics"] == 8 and said["records"] == said["fresh"] == 16 and said["front"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "curves.png", "front.png", "index.html", "maps.png", "records.csv", "records.db", "result.json", "study.json",
    ]  # fmt: skip
    result = json.loads((folder / "result.json").read_text())
    assert {one["name"] for one in result["points"] if one["front"]} == {one["name"] for one in said["front"]}


def test_the_study_file_written_is_the_one_read_and_running_it_makes_nothing_new(made, reported):
    folder, _ = made
    assert StudyFile.read(folder / "study.json") == reported
    again = CliRunner().invoke(app, ["explore", str(folder / "study.json"), "--out", str(folder), "--json"])
    assert json.loads(again.stdout)["fresh"] == 0


def test_the_page_stands_alone_and_holds_every_record(made):
    text = (made[0] / "index.html").read_text()
    assert not re.search(r'(src|href)\s*=\s*"(?!#)', text) and "@import" not in text
    assert text.count("</script>") == 2  # a name does not end the data
    data = json.loads(present(re.search(r'id="data">(.*?)</script>', text, re.DOTALL))[1].replace("<\\/", "</"))
    assert len(data["rows"]) == 16 and len(data["hypervolume"]) == 8
    for row in data["rows"]:
        assert row["feasible"] or row["reason"]
        assert all(len(measure) == 4 and measure[1] for measure in row["measures"].values())


def test_numbers_beside_the_page_have_curves_and_sites_of_every_record_that_runs(made):
    result = json.loads((made[0] / "result.json").read_text())
    for row in result["rows"]:
        assert (
            row["feasible"] == bool(row["copies"]) == ("autocorrelation" in row["curves"]) == (row["map"] is not None)
        )
        if row["feasible"]:
            shown = {site[3]: site[2] for site in result["maps"][row["map"]]["sites"]}
            for node, sites in enumerate(row["copies"]):
                assert {shown[site] for site in sites} == {node}


def test_pictures_are_as_large_as_a_page_and_not_empty(made):
    from matplotlib.image import imread

    for name in ("front.png", "curves.png", "maps.png"):
        pixels = imread(made[0] / name)
        assert pixels.shape[0] > 400 and pixels.shape[1] > 1000, name
        # Coloured marks and lines, beyond the black of axes and the red of guide lines.
        coloured = np.ptp(pixels[..., :3], axis=2) > 0.25
        coloured &= pixels[..., 0] < 0.65
        assert coloured.mean() > 1e-3, name


def test_the_table_has_a_standing_behind_every_number(made):
    with (made[0] / "records.csv").open() as file:
        rows = list(csv.DictReader(file))
    fine = next(row for row in rows if row["feasible"] == "True" and row["name"].startswith("complete-20"))
    assert (fine["lut4_is"], fine["ess_per_sweep_is"], fine["ess_per_joule_z1_is"]) == (
        "modelled",
        "measured",
        "quoted",
    )
    assert float(fine["ess_per_klut_second"]) > 0


def test_the_command_says_what_is_missing(tmp_path):
    alone = CliRunner().invoke(app, ["explore", "--fabrics", "own"])
    assert alone.exit_code == 2 and "workloads" in alone.output
    with pytest.raises(SpecError, match="cannot be read"):
        StudyFile.read(tmp_path / "absent.json")
