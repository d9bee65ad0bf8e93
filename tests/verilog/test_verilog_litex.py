"""``litex_soc.py`` of the kit: LiteX makes an SoC of it, which runs the example behind its bus.

LiteX is asked for in the Python of ``THERMOFAB_LITEX_PYTHON``, or in this one.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from thermofab.apps.verilog.kit import write_kit
from thermofab.apps.verilog.recording import mask_of_sites
from thermofab.hw.host.architectures import loading_of
from thermofab.hw.spec import fabric

HERE = Path(__file__).resolve().parent
PYTHON = os.environ.get("THERMOFAB_LITEX_PYTHON", sys.executable)
SPEC = fabric("g4-5x7", table_bits=5, rng="lfsr32")  # two words per sample
DEPTH = 4  # of the FIFO, and one word more behind it


def clean() -> dict[str, str]:
    """The environment without this checkout on Python's path."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


def without_litex() -> bool:
    return subprocess.run([PYTHON, "-c", "import litex.gen"], capture_output=True, env=clean()).returncode != 0


@pytest.fixture(scope="module")
def kit(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("litex") / "kit"
    write_kit(SPEC, "tsu", folder, "wishbone")
    return folder


def addresses(maps: Path) -> dict[str, dict[str, int]]:
    """Byte addresses in LiteX' ``csr.csv``, by kind and name."""
    rows = [row for row in csv.reader(maps.read_text().splitlines()) if row and not row[0].startswith("#")]
    kinds = ("csr_register", "memory_region")
    return {kind: {row[1]: int(row[2], 16) for row in rows if row[0] == kind} for kind in kinds}


def test_the_axi_kit_has_no_litex_soc(kit, tmp_path):
    write_kit(SPEC, "tsu", tmp_path / "kit", "axi4lite")
    for folder, there in ((kit, True), (tmp_path / "kit", False)):
        assert (folder / "litex_soc.py").exists() == there
        assert ("litex_soc.py" in (folder / "README.md").read_text()) == there


def make(script: Path, options: list[str], kit: Path, folder: Path) -> dict[str, dict[str, int]]:
    """Let LiteX write the Verilog of an SoC to ``folder``; its addresses."""
    if without_litex():
        pytest.skip("needs LiteX: pip install litex migen, or THERMOFAB_LITEX_PYTHON naming a Python that has it")
    environment = {**clean(), "PYTHONPATH": str(kit)}
    made = subprocess.run([PYTHON, script, *options], cwd=folder, capture_output=True, text=True, env=environment)
    assert made.returncode == 0, made.stderr[-3000:]
    return addresses(folder / "csr.csv")


def simulate(bench: str, tests: int, kit: Path, folder: Path, found: dict[str, dict[str, int]]) -> None:
    """All tests of a bench pass."""
    runner_module = pytest.importorskip("cocotb_tools.runner")
    loading = loading_of(SPEC)
    last = max(register.base + register.count - 1 for register in loading.map.registers)
    assert last + 1 < 1 << loading.map.address_bits
    facts = {
        "kit": str(kit),
        "origin": found["memory_region"]["tsu"],
        "memory": found["memory_region"].get("memory"),
        "csr": found["csr_register"],
        "at": {name: loading.map[name].at() for name in ("ID", "ERRORS", "CONTROL", "STATUS", "SAMPLES")},
        "mask": mask_of_sites(loading, SPEC.n_sites).tolist(),
        "beyond": last + 1,
        "held": DEPTH + 1,
    }
    assert len(facts["mask"]) > 1
    runner = runner_module.get_runner("icarus")
    runner.build(
        sources=[folder / "gateware" / "soc.v", kit / "tsu.v", kit / "tsu_wishbone.v"], hdl_toplevel="soc",
        build_dir=folder / "build", timescale=("1ns", "1ps"), log_file=folder / "build.log",
    )  # fmt: skip
    results, log = folder / "results.xml", folder / "test.log"
    try:
        runner.test(
            test_module=bench, hdl_toplevel="soc", hdl_toplevel_lang="verilog", build_dir=folder / "build",
            test_dir=folder, results_xml=str(results), log_file=log, timescale=("1ns", "1ps"),
            extra_env={"THERMOFAB_FACTS": json.dumps(facts)},
        )  # fmt: skip
    except SystemExit:  # which says no more than that a test failed; the log says why
        pass
    count, failed = runner_module.get_results(results)
    assert count == tests and not failed, log.read_text()[-4000:]


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="runs on Icarus")
@pytest.mark.parametrize("origin", [0x90000000, 0x30000800])
def test_the_soc_runs_the_example(kit, origin, tmp_path):
    options = ["--output-dir", str(tmp_path), "--fifo-depth", str(DEPTH), "--origin", hex(origin)]
    found = make(kit / "litex_soc.py", options, kit, tmp_path)
    assert found["memory_region"]["tsu"] == origin
    simulate("tests.verilog.litex_cocotb", 3, kit, tmp_path, found)


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="runs on Icarus")
def test_a_dma_of_litex_takes_the_samples(kit, tmp_path):
    found = make(HERE / "litex_dma_soc.py", [str(tmp_path)], kit, tmp_path)
    assert not any(name.startswith("tsu_") for name in found["csr_register"])
    simulate("tests.verilog.litex_dma_cocotb", 1, kit, tmp_path, found)
