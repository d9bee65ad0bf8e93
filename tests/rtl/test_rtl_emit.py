"""The Verilog text: deterministic, clean, one module for all lanes of a degree."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from thermofab.hw import emit_verilog
from thermofab.hw.host.architectures import ARCHITECTURES
from thermofab.hw.spec import SpecError, ToolMissingError, fabric
from thermofab.sim.conformance import random_image
from thermofab.sim.rtl import tools
from thermofab.sim.rtl.tools import find_verilator

WAIVED = ("DECLFILENAME", "WIDTHEXPAND", "WIDTHTRUNC", "UNUSEDSIGNAL")
PROGRAM = """from thermofab.hw import emit_verilog, spec
print(emit_verilog(spec.fabric('king-4x4', architecture={!r}, levels=3, moment_bits=4)))"""


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_two_processes_write_the_same_text(architecture, tmp_path):
    texts = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM.format(architecture)], capture_output=True, text=True, check=True, cwd=place,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed, place in (("1", tmp_path), ("2", os.getcwd()))
    ]  # fmt: skip
    assert texts[0] == texts[1]
    assert str(os.getcwd()) not in texts[0] and "\\src" not in texts[0] and "site-packages" not in texts[0]


def test_lanes_of_a_degree_share_one_module():
    text = emit_verilog(fabric("g4-5x4", moment_bits=8), name="chip")
    modules = set(re.findall(r"^module (\w+)", text, re.M))
    assert {name for name in modules if not name.startswith(("chip_ram", "chip_rom"))} == {
        "chip", "chip_fabric", "chip_host_bus", "chip_sequencer", "chip_readout", "chip_lfsr64",
        "chip_coefficient_loader", "chip_moments", "chip_lane_degree3", "chip_lane_degree4",
    }  # fmt: skip
    assert len(re.findall(r"^  chip_lane_degree\d lane_\d+ \(", text, re.M)) == 10


def test_constant_weights_leave_no_loader():
    spec = fabric("g4-4x4")
    text = emit_verilog(spec, image=random_image(np.random.default_rng(0), spec))
    assert "thermofab_lane_7 " in text and "loader" not in text and "coefficient_write" not in text


@pytest.mark.parametrize(
    "spec",
    [
        fabric("g4-4x4-torus"),
        fabric("complete-1", levels=1, dither_bits=0),
        fabric("king-6x6", profile="fine", rng="xoshiro128+", min_shift=8),
        fabric("complete-5", rng="lfsr32", table_bits=2, levels=3),
        fabric("g4-4x6-torus", elements=3, moment_bits=9, levels=1),
    ],
    ids=repr,
)
@pytest.mark.parametrize("constant", [False, True], ids=["loaded", "constant"])
def test_lint(spec, constant, tmp_path):
    verilator = find_verilator()
    image = random_image(np.random.default_rng(0), spec) if constant else None
    (tmp_path / "fabric.v").write_text(emit_verilog(spec, image=image))
    done = subprocess.run(
        [verilator.binary, "--lint-only", "-Wall", *(f"-Wno-{name}" for name in WAIVED), "--top-module", "thermofab",
         "fabric.v"],
        cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "VERILATOR_ROOT": verilator.root},
    )  # fmt: skip
    assert done.returncode == 0 and not done.stderr, done.stderr[-3000:]


def test_a_module_name_must_be_one():
    with pytest.raises(
        SpecError, match=r"^a Verilog module name has letters, digits and underscores only, got 'a-b'\.$"
    ):
        emit_verilog(fabric("g4-2x2"), name="a-b")


def test_only_compiling_needs_yosys(monkeypatch):
    monkeypatch.setattr(tools.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(tools.shutil, "which", lambda name: None)
    assert "module thermofab (" in emit_verilog(fabric("g4-2x2"))
    with pytest.raises(ToolMissingError, match=r"^compiling the RTL needs Yosys.*pip install 'thermofab\[rtl\]'$"):
        tools.find_yosys_version.__wrapped__()


def test_naming_things_imports_no_amaranth():
    program = (
        "import sys, thermofab, thermofab.hw.spec, thermofab.hw.rng.base, thermofab.hw.rng.lfsr64, "
        "thermofab.hw.rng.lfsr32, thermofab.hw.rng.xoshiro128p, thermofab.hw.host.registers; "
        "assert 'amaranth' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
