"""The page in a browser: what is hovered, filtered, selected and sorted, by mouse and by keys."""

import json
import re
import shutil
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium; apt-get install chromium")
AXE = Path(__file__).parents[1] / "serve" / "vendor" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, made):
    """The page, which must end without errors, and its rows."""
    with browser.new_context(viewport={"width": 1280, "height": 1000}) as context:
        page, troubles = context.new_page(), []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda message: message.type in ("error", "warning") and troubles.append(message.text))
        page.goto((made[0] / "index.html").as_uri())
        yield page, json.loads((made[0] / "result.json").read_text())
        assert not troubles


def texts(page, selector):
    return [one.text_content() for one in page.locator(selector).all()]


def test_every_fabric_has_a_mark_and_what_does_not_run_says_why(opened):
    page, result = opened
    marks = page.locator("#plot .mark")
    assert marks.count() == len(result["points"])
    crosses = page.locator("#plot .mark.not")
    assert crosses.count() == sum(point["values"] is None for point in result["points"]) > 0
    crosses.first.hover()
    reason = next(p["reason"] for p in result["points"] if p["name"] == crosses.first.get_attribute("data-name"))
    assert reason in page.locator("#tip").inner_text()


def test_distances_that_a_run_cannot_tell_from_nothing_stand_in_a_lane(opened):
    page, result = opened
    low = {point["name"] for point in result["points"] if point["values"] and point["values"][1] <= 0.005}
    assert low
    lane = page.locator("#plot rect.lane").bounding_box()
    for mark in page.locator("#plot .mark:not(.not)").all():
        box = mark.bounding_box()
        middle = box["y"] + box["height"] / 2
        inside = lane["y"] <= middle <= lane["y"] + lane["height"]
        assert inside == (mark.get_attribute("data-name") in low)


def test_all_workloads_together_are_plotted_as_the_study_takes_them(opened):
    page, result = opened
    names = [name.partition(":")[2] for name in result["objectives"]]
    points = [point for point in result["points"] if point["values"]]
    shown = page.evaluate(
        "([points, names]) => points.map(point => names.map(name => valueOf(rowsOf.get(point), name)))",
        [[point["name"] for point in points], names],
    )
    for point, values in zip(points, shown, strict=True):
        assert values == pytest.approx(point["values"], rel=1e-9)


def test_axes_are_logarithmic_where_values_span_a_decade_and_name_unit_and_standing(opened):
    page, result = opened
    spans: dict[tuple[str, str], list[float]] = {}
    for row in result["rows"]:
        for measure in ("ess_per_cycle", "ess_per_klut_second", "lut4", "fabric_sites") if row["feasible"] else ():
            spans.setdefault((row["workload"], measure), []).append(row["measures"][measure][0])
    wide, measure = max(spans, key=lambda key: max(spans[key]) / min(spans[key]))
    assert max(spans[wide, measure]) > 10 * min(spans[wide, measure])
    page.select_option("#workload", wide)
    page.select_option("#x", measure)
    named = texts(page, "#plot text.name")
    unit, standing = result["rows"][0]["measures"][measure][2], result["rows"][0]["measures"][measure][1]
    assert any(unit in text and standing in text and "log" in text for text in named), named
    page.select_option("#x", "megahertz")
    shown = texts(page, "#plot text.name")
    assert any("MHz" in text and "linear" in text for text in shown), shown


def test_filters_are_of_family_architecture_words_and_standing(opened):
    page, result = opened
    names = {point["name"]: point for point in result["points"]}

    def shown():
        return {mark.get_attribute("data-name") for mark in page.locator("#plot .mark").all()}

    page.select_option("#family", "own")
    assert shown() == {name for name, point in names.items() if point["family"] == "own"}
    page.select_option("#family", "any")
    page.select_option("#architecture", "dense")
    assert shown() == {name for name, point in names.items() if point["architecture"] == "dense"}
    page.fill("#words", "COMPLETE dense")
    assert shown() == {"complete-20 dense"} == set(texts(page, "#records tbody th"))  # the table goes along
    page.fill("#words", "")
    page.select_option("#architecture", "any")
    page.select_option("#workload", "spin-glass")
    page.select_option("#standing", "tv is measured")
    expected = {
        row["name"]
        for row in result["rows"]
        if row["workload"] == "spin-glass" and row["measures"].get("tv", [0, ""])[1] == "measured"
    }
    assert shown() == expected != set(names)
    assert set(texts(page, "#records tbody th")) == expected


def test_a_fabric_selected_by_keys_stays_and_brings_its_rows_maps_and_curves(opened):
    page, result = opened
    # One stop of the tab key for all marks.
    assert page.locator("#plot .mark[tabindex='0']").count() == 1
    page.locator("#plot .mark[tabindex='0']").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    second = page.locator("#plot .mark").nth(1).get_attribute("data-name")
    name = page.evaluate("document.activeElement.dataset.name")
    assert name == second and name in page.locator("#tip").inner_text()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.dataset.name") == name
    rows = [row for row in result["rows"] if row["name"] == name]
    assert page.locator("#fabric").input_value() == name
    assert texts(page, "#fabric-rows tbody th") == [row["workload"] for row in rows]
    assert page.locator("#fabric-maps svg").count() == sum(row["feasible"] for row in rows) > 0
    first = next(row for row in rows if row["feasible"])
    used = page.locator("#fabric-maps svg").first.locator("circle:not(.idle)").count()
    assert used == len({site for sites in first["copies"] for site in sites})
    assert page.locator("#fabric-curves polyline").count() >= 3
    page.select_option("#workload", "expert-router")
    page.fill("#words", "king")
    assert page.locator("#fabric").input_value() == name


def test_a_map_joins_copies_and_draws_nothing_across_a_torus(opened):
    page, result = opened
    page.select_option("#fabric", "g8-8x8-torus spatial")
    row = next(r for r in result["rows"] if r["name"] == "g8-8x8-torus spatial" and r["feasible"])
    shown = result["maps"][row["map"]]
    figure = page.locator("#fabric-maps svg").first
    assert figure.locator("line[stroke]").count() == len(shown["joins"]) > 0
    ends = figure.locator("line").evaluate_all(
        "all => all.map(l => ['x1', 'y1', 'x2', 'y2'].map(name => Number(l.getAttribute(name))))"
    )
    lengths = [((a - c) ** 2 + (b - d) ** 2) ** 0.5 for a, b, c, d in ends]
    # The longest bond of g8 is (4, 1), 20 units a step; a line round the torus would be longer.
    assert max(lengths) < 20 * 17**0.5 + 1


def test_a_heading_sorts_and_a_name_selects(opened):
    page, _ = opened
    heads = page.locator("#records thead button")
    column = [button.inner_text() for button in heads.all()].index("effective samples per sweep")
    heads.nth(column).click()
    shown = [row.locator("th, td").nth(column).inner_text() for row in page.locator("#records tbody tr").all()]
    numbers = [float(text.split()[0]) for text in shown]
    assert numbers == sorted(numbers, reverse=True) and len(set(numbers)) > 4
    page.locator("#records tbody th button").last.click()
    assert page.locator("#fabric").input_value() == texts(page, "#records tbody th")[-1]


@pytest.mark.parametrize(("scheme", "only"), [("light", {"runOnly": ["color-contrast"]}), ("dark", {})])
def test_nothing_is_wrong_for_those_who_use_no_mouse_or_see_little(browser, made, scheme, only):
    with browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto((made[0] / "index.html").as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate("only => axe.run(only)", only)
        assert len(found["passes"]) >= (1 if only else 10), "axe looked at little"
        assert [one["id"] for one in found["violations"]] == []
        # Text of the plot is as large on a telephone.
        size = page.evaluate("document.querySelector('#plot text').getBoundingClientRect().height")
        assert size > 10 and re.search(r"\d", page.locator("#plot").text_content())
