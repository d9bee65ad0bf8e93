"""The commands as a shell runs them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import dimod
import networkx
import numpy as np
import pytest

from thermofab.hw.spec import fabric
from thermofab.hw.spec.discrete import DiscreteModel, factor_of


def thermofab(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "thermofab.apps.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


def test_fabrics_lists_what_is_registered():
    listed = json.loads(thermofab("fabrics", "--json").stdout)
    assert listed["families"]["g12"] == [[0, 1], [4, 1], [9, 10]]
    assert {"reference", "jax", "rtl"} <= set(listed["devices"]) and "lfsr64" in listed["generators"]
    assert "king" in thermofab("fabrics").stdout


def test_compile_explains_and_draws(tmp_path):
    bqm = dimod.BinaryQuadraticModel(
        {k: 0.1 for k in range(5)}, {(i, j): 0.2 for i in range(5) for j in range(i)}, "SPIN"
    )
    (tmp_path / "k5.json").write_text(json.dumps(bqm.to_serializable()))
    done = thermofab(
        "compile", tmp_path / "k5.json", "--out", tmp_path / "p.json", "--fabric", "king-6x6", "--explain",
        "--pictures", tmp_path / "drawn", "--pipeline", "fast",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    passes = "canonicalise, categorical, factor-sites, higher-order, place, root-and-wire, colour, scale-and-quantise"
    assert [line.split("  ")[0] for line in done.stdout.splitlines()[:8]] == passes.split(", ")
    for name in ("program.png", "program-dark.png", "fabric.png", "fabric-dark.png"):
        assert (tmp_path / "drawn" / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_compile_then_sample(tmp_path):
    bqm = dimod.BinaryQuadraticModel({"a": -0.4, "b": 0.0, "c": 0.2}, {"ab": -0.8, "bc": 0.8, "ac": 0.3}, "SPIN")
    model, program, states = tmp_path / "model.json", tmp_path / "program.json", tmp_path / "states.npz"
    model.write_text(json.dumps(bqm.to_serializable()))
    report = json.loads(thermofab("compile", model, "--out", program, "--fabric", "king-4x4", "--json").stdout)
    assert report["certificate"]["kind"] == "Exact" and report["end_to_end_tv"] < 0.01
    arguments = ("sample", program, "--samples", 2000, "--replicas", 4, "--seed", 3, "--out", states, "--json")
    result = json.loads(thermofab(*arguments).stdout)
    assert result["samples"] == 8000 and set(result["magnetisation"]) == {"a", "b", "c"}
    assert np.load(states)["states"].shape == (4, 2000, 3)
    again = json.loads(thermofab(*arguments[:-3], "--json", "--device", "reference").stdout)
    assert again["magnetisation"] == result["magnetisation"]


def test_models_of_any_order_are_read(tmp_path):
    model = DiscreteModel((0, 1, 2), np.zeros(3, dtype=int), (factor_of([[0, 1, 2]], [[]], np.array([0.7])),))
    (tmp_path / "cubic.json").write_text(json.dumps(model.to_json()))
    program = tmp_path / "p.json"
    done = thermofab("compile", tmp_path / "cubic.json", "--fabric", "pdit4-1x2", "--out", program, "--explain")
    assert "1 tables on the fabric's factors, 0 edges, no hidden spins" in done.stdout, done.stderr
    sampled = thermofab("sample", program, "--samples", 50, "--json", "--device", "native")
    assert json.loads(sampled.stdout)["samples"] == 50
    (tmp_path / "other.json").write_text("{}")
    assert "is neither a dimod BQM" in thermofab("compile", tmp_path / "other.json", "--out", program).stderr


def test_graphs_are_models_too(tmp_path):
    graph = networkx.cycle_graph(4)
    networkx.set_edge_attributes(graph, dict.fromkeys(graph.edges, 0.5), "weight")
    networkx.write_gml(graph, tmp_path / "cycle.gml")
    done = thermofab("compile", tmp_path / "cycle.gml", "--out", tmp_path / "p.json", "--fabric", "g4-3x3")
    assert done.returncode == 0 and "exact" in done.stdout


@pytest.mark.rtl
def test_rtl_writes_verilog(tmp_path):
    assert thermofab("rtl", "--fabric", "g4-3x3", "--out", tmp_path / "f.v", "--name", "tsu").returncode == 0
    assert "module tsu (" in (tmp_path / "f.v").read_text()


def test_verify_counts_and_passes():
    done = thermofab("verify", "--device", "jax", "--configurations", 2, "--updates", 4000, "--workers", 1, "--json")
    result = json.loads(done.stdout)
    assert done.returncode == 0 and result["differing"] == 0 and len(result["outcomes"]) == 2
    assert sum(outcome["site_updates"] for outcome in result["outcomes"]) > 2000


def test_verify_takes_families_and_another_trusted_device():
    arguments = ("--device", "jax-xla", "--against", "native", "--family", "relay", "--family", "dense")
    done = thermofab("verify", *arguments, "--configurations", 2, "--updates", 4000, "--workers", 1, "--json")
    result = json.loads(done.stdout)
    assert done.returncode == 0 and [one["family"] for one in result["outcomes"]] == ["relay", "dense"]


@pytest.mark.rtl
def test_rtl_takes_parameters_and_the_file_of_a_fabric(tmp_path):
    spec = fabric("g4-4x4-torus", architecture="systolic", table_bits=6)
    (tmp_path / "spec.json").write_text(json.dumps(spec.to_json()))
    by_name = thermofab(
        "rtl", "--fabric", "g4-4x4-torus", "--architecture", "systolic", "--set", "table_bits=6", "--name", "tsu"
    )
    by_file = thermofab("rtl", "--fabric", tmp_path / "spec.json", "--name", "tsu")
    assert by_name.returncode == by_file.returncode == 0, by_name.stderr + by_file.stderr
    assert by_name.stdout == by_file.stdout and "module tsu" in by_name.stdout
    wrong = thermofab("rtl", "--fabric", "g4-3x3", "--set", "colour=1")
    assert wrong.returncode == 2 and "colour" in wrong.stderr


@pytest.mark.rtl
def test_verify_leaves_out_what_a_device_refuses_and_says_so():
    arguments = ("--family", "dense", "--family", "complete", "--device", "rtl-systolic", "--workers", 1)
    done = thermofab("verify", *arguments, "--configurations", 2, "--updates", 400)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "left out on rtl-systolic: 1 of dense: a systolic fabric updates its sites in its" in said
    nothing = thermofab("verify", *arguments[:2], *arguments[4:], "--configurations", 1, "--updates", 400)
    assert nothing.returncode == 2 and "refuses all of these configurations" in " ".join(nothing.stderr.split())


def test_verify_replaces_its_processes(monkeypatch):
    """A case does not depend on which process ran it: two pools of one process agree with none."""
    from thermofab.apps import verify
    from thermofab.sim.conformance import campaign

    monkeypatch.setattr(verify, "PER_POOL", 1)
    found = verify.run(("jax",), 2, 2000, seed=4, workers=1, quiet=True).outcomes
    expected = [(case.family, one) for case, outcomes in campaign(("jax",), 2, 2000, seed=4) for one in outcomes]
    assert list(found) == expected and all(outcome.differing == 0 for _, outcome in found)


@pytest.mark.rtl
def test_demo_passes_and_writes_its_report(tmp_path):
    out = tmp_path / "demo"
    done = thermofab("demo", "--out", out, "--replicas", 8, "--samples", 200, "--nodes", 8, "--json")
    assert done.returncode == 0, done.stderr
    numbers = json.loads(done.stdout)
    assert numbers["states_differing"] == 0 and numbers["states_compared"] == 8 * 200 * 64
    page = (out / "report.html").read_text()
    for picture in ("map", "distribution", "energies"):
        assert f'id="{picture}-' in page
    assert "The run passed." in page and f"of {8 * 200 * 64:,}, jax against rtl" in page
    assert not re.search(r"""(?:src|href)=["'](?!#)""", page), "the page needs no other file"


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (("sample", "nowhere.json"), "there is no file nowhere.json; write one with 'thermofab compile'."),
        (("rtl", "--fabric", "g5-4x4"), "unknown topology family 'g5' in 'g5-4x4'; known are g4"),
        (("verify", "--device", "abacus"), "unknown device 'abacus'; known are jax"),
        (("verify", "--family", "torus"), "unknown family 'torus'; known are g4"),
    ],
)
def test_errors_are_one_sentence(arguments, sentence, tmp_path):
    done = thermofab(*arguments, cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith(f"thermofab: {sentence}")
    assert "Traceback" not in done.stderr


def test_samples_beyond_memory_are_refused_in_a_sentence(tmp_path):
    """The fault: a traceback, after the run's arrays could not be allocated."""
    (tmp_path / "m.json").write_text(json.dumps(dimod.BinaryQuadraticModel({0: 0.1}, {}, 0, "SPIN").to_serializable()))
    assert (
        thermofab("compile", tmp_path / "m.json", "--out", tmp_path / "p.json", "--fabric", "king-9x9").returncode == 0
    )
    done = thermofab("sample", tmp_path / "p.json", "--samples", 200_000_000_000)
    assert done.returncode and "GB of memory; take fewer samples" in " ".join((done.stderr + done.stdout).split())
    assert "Traceback" not in done.stderr
