"""The command and its files: one page without others, numbers with standings, a study that reproduces them."""

import csv
import json
import re
import shutil

import pytest
from typer.testing import CliRunner

from thermofab.apps.cli import app
from thermofab.apps.explore import Settings, Space, StudyFile
from thermofab.hw.spec import SpecError

STUDY = StudyFile(
    "reported </script>",
    ("spin-glass", "expert-router"),
    space=Space(("king-4x4", "complete-20", "own"), ("spatial", "dense")),
    settings=Settings(samples=200, warmup=50, replicas=16),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of a report, and what the command printed."""
    folder = tmp_path_factory.mktemp("report")
    STUDY.write(folder / "asked.json")
    done = CliRunner().invoke(app, ["explore", str(folder / "asked.json"), "--out", str(folder / "out"), "--json"])
    assert done.exit_code == 0, done.output
    return folder / "out", json.loads(done.stdout)


def test_the_command_reports_the_front_and_the_files(made):
    folder, said = made
    assert said["fabrics"] == 6 and said["records"] == said["fresh"] == 12 and said["front"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "curves.png", "front.png", "index.html", "maps.png", "records.csv", "records.db", "result.json", "study.json",
    ]  # fmt: skip
    result = json.loads((folder / "result.json").read_text())
    assert {one["name"] for one in result["points"] if one["front"]} == {one["name"] for one in said["front"]}


def test_the_study_file_written_is_the_one_read_and_running_it_makes_nothing_new(made):
    folder, _ = made
    assert StudyFile.read(folder / "study.json") == STUDY
    again = CliRunner().invoke(app, ["explore", str(folder / "study.json"), "--out", str(folder), "--json"])
    assert json.loads(again.stdout)["fresh"] == 0


def test_the_page_stands_alone_and_holds_every_record(made):
    text = (made[0] / "index.html").read_text()
    assert not re.search(r'(src|href)\s*=\s*"(?!#)', text) and "@import" not in text
    assert text.count("</script>") == 2  # a name does not end the data
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1].replace("<\\/", "</"))
    assert len(data["rows"]) == 12 and len(data["hypervolume"]) == 6
    for row in data["rows"]:
        assert row["feasible"] or row["reason"]
        assert all(len(measure) == 4 and measure[1] for measure in row["measures"].values())


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


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium; apt-get install chromium")
def test_the_page_is_hovered_filtered_and_sorted_in_a_browser(made):
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page, broken = browser.new_page(), []
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto((made[0] / "index.html").as_uri())
        page.select_option("#workload", "spin-glass")
        every = page.locator("#plot .mark").count()
        page.locator("#plot .mark").first.hover()
        assert "samples/s/kLUT (modelled)" in page.locator("#tip").inner_text()
        page.fill("#words", "spatial")
        assert 0 < page.locator("#plot .mark").count() < every
        page.fill("#words", "")
        heads = page.locator("#records thead button")
        column = [button.inner_text() for button in heads.all()].index("ess_per_sweep")
        heads.nth(column).click()
        shown = [row.locator("th, td").nth(column).inner_text() for row in page.locator("#records tbody tr").all()]
        numbers = [float(text.split()[0]) for text in shown if text != "–"]
        assert numbers == sorted(numbers, reverse=True) and len(numbers) > 3
        browser.close()
    assert not broken
