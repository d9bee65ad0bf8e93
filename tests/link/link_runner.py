"""Builds a fabric behind its link for cocotb and runs ``link_cocotb.py`` in the simulator."""

import contextlib
import json
import os
from pathlib import Path

import pytest
from rtl_runner import keep_objects, ports_only, reuse_objects, use_verilator

from thermofab.hw.rtl.link.emit import NAME, emit_link_verilog
from thermofab.hw.spec import FabricSpec

HERE = Path(__file__).resolve().parent


def simulate(simulator: str, spec: FabricSpec, divisor: int, seed: int, steps: int, folder: Path, monkeypatch) -> int:
    """Run the bench; the number of answers and words compared."""
    runner_module = pytest.importorskip("cocotb_tools.runner")
    seed = int(os.environ.get("THERMOFAB_SEED", seed))
    source, report, build = folder / "link.v", folder / "report", folder / "build"
    source.write_text(emit_link_verilog(spec, divisor))
    (folder / "fabric.json").write_text(json.dumps(spec.to_json()))
    if simulator == "verilator":
        use_verilator(monkeypatch)
        (folder / "ports.vlt").write_text(f'`verilator_config\npublic_flat_rw -module "{NAME}" -var "*"\n')
        runner, sources = ports_only(runner_module), [source, folder / "ports.vlt"]
        reuse_objects(build)
    else:
        runner, sources = runner_module.get_runner(simulator), [source]
    runner.build(
        sources=sources, hdl_toplevel=NAME, build_dir=build, timescale=("1ns", "1ps"),
        build_args=["-Wno-fatal", "-Wno-lint"] if simulator == "verilator" else [], log_file=folder / "build.log",
    )  # fmt: skip
    if simulator == "verilator":
        keep_objects(build)
    paths = [str(HERE), str(HERE.parent / "rtl"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    results, log = folder / "results.xml", folder / "test.log"
    with contextlib.suppress(SystemExit):  # which says no more than that a test failed; the log says why
        runner.test(
            test_module="link_cocotb", hdl_toplevel=NAME, hdl_toplevel_lang="verilog",
            build_dir=build, test_dir=folder, results_xml=str(results), log_file=log, timescale=("1ns", "1ps"),
            extra_env={
                "THERMOFAB_FABRIC": str(folder / "fabric.json"), "THERMOFAB_DIVISOR": str(divisor),
                "THERMOFAB_SEED": str(seed), "THERMOFAB_STEPS": str(steps), "THERMOFAB_REPORT": str(report),
                "THERMOFAB_COVERAGE": str(folder / "functional.json"),
            },
        )  # fmt: skip
    count, failed = runner_module.get_results(results)
    assert count == 1 and not failed, f"seed {seed}:\n" + log.read_text()[-3000:]
    return int(report.read_text())
