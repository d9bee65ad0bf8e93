"""Lock step as a designer calls it: a cell of one's own in a whole fabric, and what is said where it cannot run."""

import importlib.util
import shutil
from dataclasses import replace

import pytest

from thermofab import emit_verilog
from thermofab.hw.spec import DeviceError, SpecError, ToolMissingError, fabric
from thermofab.sim.cosim import EVERY_SAMPLE, Bench, BenchFailed, Design, emitted, lockstep, with_module
from thermofab.sim.cosim import simulators as simulators_module

SPEC = fabric("g4-3x3", rng="lfsr32", levels=1, table_bits=4)
TEXT = emit_verilog(SPEC)
MINE = """
module thermofab_lfsr32(input wire [31:0] state, output wire [31:0] next, output wire [15:0] word);
  genvar k;
  generate for (k = 0; k < 16; k = k + 1) begin : bits
    my_taps taps(.four({state[k], state[k + 2], state[k + 6], state[k + 7]}), .odd(word[k]));
  end endgenerate
  assign next = {word, state[31:16]};
endmodule
module my_taps(input wire [3:0] four, output wire odd);
  assign odd = ^four;
endmodule
"""
needs_icarus = pytest.mark.skipif(shutil.which("iverilog") is None, reason="needs Icarus, which starts at once")


def with_mine(cell: str) -> Design:
    return Design((with_module(TEXT, cell),), "thermofab")


@needs_icarus
@pytest.mark.rtl
def test_a_cell_of_ones_own_is_held_to_the_reference():
    found = lockstep(SPEC, "icarus", design=with_mine(MINE), updates=300)
    assert found.compared >= 300 and found.simulator == "icarus"
    assert found.coverage.counts["schedule: no phase"] > 0


@needs_icarus
@pytest.mark.rtl
@pytest.mark.parametrize("bench", ["every_sweep", "every_sample"])
def test_a_wrong_cell_is_found_with_its_site_and_seed(bench, tmp_path):
    """One tap is another; both benches say which site differs first, and keep the log."""
    wrong = with_mine(MINE.replace("state[k + 7]", "state[k + 8]"))
    bench = Bench(EVERY_SAMPLE.module.replace("every_sample", bench))
    with pytest.raises(BenchFailed, match=r"(sites \[.*\] differ|differs from the reference, at site)") as failed:
        lockstep(SPEC, "icarus", design=wrong, bench=bench, seed=5, folder=tmp_path)
    assert "seed 5" in str(failed.value) and str(tmp_path / "test.log") in str(failed.value)


@needs_icarus
@pytest.mark.rtl
def test_verilog_that_does_not_compile_is_refused_with_what_the_simulator_said():
    with pytest.raises(DeviceError, match="(?s)Icarus cannot build module 'thermofab'.*syntax error"):
        lockstep(SPEC, "icarus", design=with_mine(MINE.replace("assign", "asign")))


@needs_icarus
@pytest.mark.rtl
def test_a_bench_that_cannot_be_imported_is_said(tmp_path):
    with pytest.raises(BenchFailed, match="No module named 'no_such_bench'"):
        lockstep(SPEC, "icarus", design=with_mine(MINE), bench=Bench("no_such_bench"), folder=tmp_path)


@needs_icarus
@pytest.mark.rtl
def test_a_bench_of_ones_own_is_found_in_the_current_folder(tmp_path, monkeypatch):
    """As a notebook's: the path of this process names the folder by ''."""
    bench = """
import cocotb
from thermofab.sim.cosim.jobs import FabricJob, read_job, report
@cocotb.test()
async def says(dut):
    report(compared=read_job(FabricJob).updates)
"""
    (tmp_path / "my_bench.py").write_text(bench)
    (tmp_path / "files").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    found = lockstep(SPEC, "icarus", design=with_mine(MINE), bench=Bench("my_bench"), updates=7, folder="files")
    assert found.compared == 7


def test_a_module_takes_the_place_of_the_one_of_its_name():
    text = with_module(TEXT, MINE)
    assert text.count("module thermofab_lfsr32") == 1 and "my_taps" in text
    assert len(text) < len(TEXT) + len(MINE), "the other one is gone"
    with pytest.raises(SpecError, match=r"none of the modules \['lfsr'\] is in the design.*thermofab_lfsr32"):
        with_module(TEXT, MINE.replace("thermofab_lfsr32", "lfsr").split("module my_taps")[0])


def test_bad_arguments_are_refused_before_anything_is_built(tmp_path):
    with pytest.raises(SpecError, match="unknown simulator 'modelsim'; known are icarus and verilator"):
        lockstep(SPEC, "modelsim")
    with pytest.raises(SpecError, match="updates must be at least 1, got 0"):
        lockstep(SPEC, updates=0)
    with pytest.raises(SpecError, match="folder .* does not exist"):
        lockstep(SPEC, folder=tmp_path / "none")


def test_what_is_missing_is_named_with_the_line_that_brings_it(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(simulators_module.shutil, "which", lambda name: None)
        with pytest.raises(ToolMissingError, match="'iverilog'.*apt install iverilog"):
            lockstep(SPEC, "icarus")
        with pytest.raises(ToolMissingError, match="'make'.*apt install make"):
            lockstep(SPEC, "verilator")
        assert simulators_module.installed_simulators() == []
    found = importlib.util.find_spec
    monkeypatch.setattr(
        simulators_module.importlib.util,
        "find_spec",
        lambda name, *rest: None if name.startswith("cocotb") else found(name, *rest),
    )
    with pytest.raises(ToolMissingError, match=r"cocotb.*pip install 'thermofab\[rtl\]'"):
        lockstep(SPEC)


def test_an_architecture_without_a_monitor_is_said():
    from thermofab.sim.cosim.bench.architectures import WATCHED, watched

    assert set(WATCHED) == {"spatial", "systolic", "relay", "dense"}
    spec = replace(SPEC)
    object.__setattr__(spec, "architecture", "mine")
    with pytest.raises(SpecError, match="no monitor for the architecture 'mine'.*EVERY_SAMPLE"):
        watched(spec)


def test_a_design_names_its_top():
    assert emitted(SPEC).top == "thermofab" and "module thermofab (" in emitted(SPEC).verilog[0]
