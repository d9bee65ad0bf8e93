"""thermofab route: fit, evaluate and explain, as a user runs them."""

import json

import pytest
from typer.testing import CliRunner

from thermofab.apps.cli import app

pytest.importorskip("torch")


def run(*arguments: str):
    return CliRunner().invoke(app, ["route", *arguments])


def test_fit_and_explain_with_a_picture(tmp_path):
    out = tmp_path / "router"
    fitted = run("fit", "--rows", "200", "--out", str(out), "--json")
    assert fitted.exit_code == 0, fitted.output
    assert json.loads(fitted.stdout)["held_out"] == 40
    picture = tmp_path / "trace.png"
    told = run("explain", "Prove that 2 + 2 = 4.", "--router", str(out), "--picture", str(picture), "--json")
    said = json.loads(told.stdout)
    assert len(said["trace"]) == said["trm_steps"] and picture.read_bytes()[:4] == b"\x89PNG"


def test_evaluate_on_a_csv_file_with_a_picture(tmp_path):
    catalogue = tmp_path / "models.json"
    models = [
        {"provider": p, "name": "m", "price_in": c, "price_out": c, "context_tokens": 9999, "latency": 1}
        for p, c in (("a", 1), ("b", 9))
    ]
    catalogue.write_text(json.dumps({"models": models}))
    rows = [f"say {k},easy,1,1" if k % 2 else f"prove {k},hard,{k % 10 // 8},true" for k in range(200)]
    data, picture = tmp_path / "answers.csv", tmp_path / "curves.png"
    data.write_text("\n".join(["prompt,task,a/m,b/m", *rows]))
    asked = ["--only", "random", "--only", "logistic", "--catalogue", str(catalogue), "--folds", "2"]
    done = run("evaluate", str(data), *asked, "--picture", str(picture), "--json")
    assert done.exit_code == 0, done.output
    routers = json.loads(done.stdout)["routers"]
    assert routers["random"]["apgr"] == pytest.approx(0.5) and routers["logistic"]["apgr"] > 0.6
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_bad_input_is_said():
    assert "no kind of work 'x'" in str(run("explain", "hi", "--task", "x").exception)
    assert "there is no /nowhere.csv" in str(run("fit", "/nowhere.csv").exception)
    assert "no router 'x'" in str(run("evaluate", "--only", "x").exception)
