"""Builds tiles joined by bad lines for cocotb, and runs tests of ``tiles_cocotb.py`` on them in Verilator."""

import contextlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from bench_top import Network
from rtl_runner import keep_objects, ports_only, reuse_objects, use_verilator

from thermofab.hw.rtl.emit import design_of
from thermofab.hw.rtl.tiles.plan import Line
from thermofab.hw.spec import FabricSpec, Tiling

HERE = Path(__file__).resolve().parent
NAME = "tiles"


def build(spec: FabricSpec, tiling: Tiling, line: Line, folder: Path, monkeypatch) -> Any:
    """The runner with the design built."""
    runner_module = pytest.importorskip("cocotb_tools.runner")
    source = folder / "tiles.v"
    source.write_text(design_of(lambda _: Network(spec, tiling, line), NAME).text())
    about = {"fabric": spec.to_json(), "tile_of": tiling.tile_of.tolist(), "line": asdict(line)}
    (folder / "tiles.json").write_text(json.dumps(about))
    use_verilator(monkeypatch)
    runner = ports_only(runner_module)
    (folder / "ports.vlt").write_text(f'`verilator_config\npublic_flat_rw -module "{NAME}" -var "*"\n')
    reuse_objects(folder / "build")
    runner.build(
        sources=[source, folder / "ports.vlt"], hdl_toplevel=NAME, build_dir=folder / "build",
        timescale=("1ns", "1ps"), log_file=folder / "build.log",
        # One C++ file: what takes long is reading Verilator's headers once a file.
        build_args=["-Wno-fatal", "-Wno-lint", "--output-split", "0"],
    )  # fmt: skip
    keep_objects(folder / "build")
    return runner


def simulate(runner: Any, folder: Path, monkeypatch, tests: list[str], seed: int) -> dict[str, Any]:
    """Run tests by name; what they reported. ``THERMOFAB_SEED``, if set, takes the place of ``seed``."""
    runner_module = pytest.importorskip("cocotb_tools.runner")
    seed = int(os.environ.get("THERMOFAB_SEED", seed))
    paths = [str(HERE), str(HERE.parent / "rtl"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    results, log, report = folder / "results.xml", folder / "test.log", folder / "report.json"
    report.unlink(missing_ok=True)
    with contextlib.suppress(SystemExit):  # which says no more than that a test failed; the log says why
        runner.test(
            test_module="tiles_cocotb", hdl_toplevel=NAME, hdl_toplevel_lang="verilog", testcase=tests,
            build_dir=folder / "build", test_dir=folder, results_xml=str(results), log_file=log,
            timescale=("1ns", "1ps"),
            extra_env={
                "THERMOFAB_TILES": str(folder / "tiles.json"), "THERMOFAB_SEED": str(seed),
                "THERMOFAB_REPORT": str(report), "COCOTB_MAX_FAILURES": "1",
            },
        )  # fmt: skip
    count, failed = runner_module.get_results(results)
    assert count == len(tests) and not failed, f"seed {seed}:\n" + log.read_text()[-3000:]
    return json.loads(report.read_text())
