"""``thermofab reason``: generate, train, solve, trace, arc, blueprints."""

import json

import pytest
from typer.testing import CliRunner

from thermofab.apps.cli import app
from thermofab.hw.spec import SpecError

runner = CliRunner()
PUZZLE = ".4...3.44.1...4."


def reason(*arguments: str):
    return runner.invoke(app, ["reason", *map(str, arguments)], catch_exceptions=True)


def said(*arguments: str) -> dict:
    result = reason(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_generate_then_solve_by_the_rules(tmp_path):
    made = said("generate", "--side", "4", "--count", "3", "--seed", "5", "--out", tmp_path / "puzzles.txt")
    assert (tmp_path / "puzzles.txt").read_text().split() == [one["puzzle"] for one in made["puzzles"]]
    for one in made["puzzles"]:
        solved = said("solve", one["puzzle"], "--by", "constraints")
        assert solved["answer"] == one["solution"] and solved["solved"] and solved["readings"] == 0
    assert "#S" in reason("generate", "maze", "--rooms", "3").stdout
    assert reason("generate", "--side", "4", "--minimal").exit_code == 0


def test_solve_and_trace_with_a_net(checkpoint, tmp_path):
    page, picture = tmp_path / "page.html", tmp_path / "page.png"
    solved = said("solve", PUZZLE, "--net", checkpoint, "--html", page, "--png", picture, "--device", "jax")
    assert solved["solved"] and solved["files"] == [str(page), str(picture)] and page.read_text().startswith("<!doc")
    by_net = reason("solve", PUZZLE, "--net", checkpoint, "--by", "net", "--rollouts", "2")
    assert by_net.exit_code in (0, 1) and "readings" in by_net.stdout
    steps = said("trace", PUZZLE, "--net", checkpoint, "--out", tmp_path / "steps.html")
    assert steps["nodes"] == 9 and (tmp_path / "steps.png").exists()


def test_trace_of_trlinkos(tmp_path):
    traced = said("trace", "--by", "trlinkos", "--out", tmp_path / "states.html")
    assert traced["nodes"] == 1 + 3 + 6 * 3 and "hold" in traced["about"]


def test_train_writes_a_checkpoint(tmp_path):
    numbers = said("train", "--side", "4", "--batches", "3", "--out", tmp_path / "net")
    assert 0 <= numbers["held_out_exact"] <= 1 and (tmp_path / "net.safetensors").exists()


def test_blueprints():
    assert said("blueprints")["failures"] == 1
    assert json.loads(reason("blueprints").stdout.splitlines()[0])["event"] == "call"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["solve", "0" * 16], "several solutions"),
        (["solve", "11" + "0" * 14], "no solution"),
        (["solve", "9" + "0" * 15], "digits must be 0"),
        (["solve", "123"], "16, 36 or 81 cells"),
        (["solve", PUZZLE, "--by", "luck"], "net, constraints or both"),
        (["solve", PUZZLE, "--net", "no-such-net"], "there is no net 'no-such-net'"),
        (["generate", "chess"], "'sudoku' or 'maze'"),
        (["trace"], "give a Sudoku to trace"),
    ],
)
def test_bad_input_is_one_sentence(arguments, sentence):
    result = reason(*arguments)
    assert isinstance(result.exception, SpecError) and sentence in str(result.exception)
