"""The wrappers under public bus models, ``cocotbext-axi`` and ``cocotbext-wishbone``, that pause at random."""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from thermofab.apps.verilog.kit import write_kit
from thermofab.apps.verilog.recording import mask_of_sites
from thermofab.hw.host.architectures import loading_of
from thermofab.hw.spec import fabric

HERE = Path(__file__).resolve().parent
SMALL = {"table_bits": 5, "rng": "lfsr32"}
SPECS = {
    "spatial": fabric("g4-5x7", moment_bits=4, **SMALL),
    "systolic": fabric("g4-5x7", architecture="systolic", elements=2, **SMALL),
}


def missing(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is None
    except ModuleNotFoundError:
        return True


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="runs on Icarus")
@pytest.mark.skipif(missing("cocotbext.axi"), reason="needs the bus models: pip install cocotbext-axi")
@pytest.mark.parametrize(
    ("bus", "architecture", "seed"),
    [("axi4lite", "spatial", 1), ("axi4lite", "systolic", 2), ("wishbone", "spatial", 3)],
)
def test_public_models_run_the_example(bus, architecture, seed, tmp_path, monkeypatch):
    if bus == "wishbone" and missing("cocotbext.wishbone"):
        pytest.skip("needs the bus model: pip install cocotbext-wishbone")
    runner_module = pytest.importorskip("cocotb_tools.runner")
    spec, kit = SPECS[architecture], tmp_path / "kit"
    write_kit(spec, "tsu", kit, bus)
    loading = loading_of(spec)
    last = max(register.base + register.count - 1 for register in loading.map.registers)
    facts = {
        "at": {name: loading.map[name].at() for name in ("ID", "ERRORS", "CONTROL", "SAMPLES", "STEPS")},
        "mask": mask_of_sites(loading, spec.n_sites).tolist(),
        "beyond": last + 1 if last + 1 < 1 << loading.map.address_bits else None,
    }
    assert len(facts["mask"]) > 1 and (facts["beyond"] is None) == (architecture == "systolic")
    runner, top = runner_module.get_runner("icarus"), f"tsu_{bus}"
    runner.build(
        sources=[kit / "tsu.v", kit / f"{top}.v"], hdl_toplevel=top, build_dir=tmp_path / "build",
        timescale=("1ns", "1ps"), log_file=tmp_path / "build.log",
    )  # fmt: skip
    results, log = tmp_path / "results.xml", tmp_path / "test.log"
    environment = {"THERMOFAB_KIT": str(kit), "THERMOFAB_SEED": str(seed), "THERMOFAB_FACTS": json.dumps(facts)}
    try:
        runner.test(
            test_module="tests.verilog.bus_cocotb", hdl_toplevel=top, hdl_toplevel_lang="verilog",
            build_dir=tmp_path / "build", test_dir=tmp_path, results_xml=str(results), log_file=log,
            timescale=("1ns", "1ps"), extra_env=environment,
        )  # fmt: skip
    except SystemExit:  # which says no more than that a test failed; the log says why
        pass
    count, failed = runner_module.get_results(results)
    assert count == 1 and not failed, log.read_text()[-4000:]
