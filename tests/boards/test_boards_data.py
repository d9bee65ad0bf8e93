"""Boards as data, their constraint files, and the reset that goes with their clocks."""

import os
import re
from dataclasses import replace

import pytest
from amaranth import ClockDomain, Module, Signal
from amaranth.sim import Simulator

from thermofab.apps.size import check_size
from thermofab.hw.boards import flash as flashing
from thermofab.hw.boards.board import Board, Pin, constraints
from thermofab.hw.boards.build import board_rtlil, find_divisor
from thermofab.hw.boards.icebreaker import ICEBREAKER
from thermofab.hw.boards.part import Part
from thermofab.hw.boards.pll import find_pll
from thermofab.hw.boards.registry import BOARDS, find_board
from thermofab.hw.boards.tang_nano import TANG_NANO_20K
from thermofab.hw.boards.top import RESET_CLOCKS, add_reset
from thermofab.hw.boards.ulx3s import ULX3S_85F
from thermofab.hw.spec import DeviceError, SpecError, ToolMissingError, fabric

TINY = fabric("complete-2", levels=1, table_bits=2, dither_bits=0, weight_bits=2, bias_bits=2, rng="lfsr32")


@pytest.mark.parametrize("board", BOARDS.values(), ids=lambda board: board.name)
def test_every_port_of_the_top_has_a_pin(board: Board):
    pll = find_pll(board.part.family, board.oscillator_mhz, board.default_mhz)
    text = board_rtlil(board, TINY, pll, 18)
    (top,) = re.findall(r"^module \\thermofab_board\n(.*?)^end$", text, flags=re.DOTALL | re.MULTILINE)
    ports = set(re.findall(r"wire (?:width 1 )?(?:input|output) \d+ +\\(\w+)", top))
    assert ports == {name for name, _ in board.pins}
    clock_maker = {"ecp5": "EHXPLLL", "ice40": "SB_PLL40_PAD", "gowin": "rPLL"}[board.part.family]
    assert (clock_maker in top) == (pll is not None)
    written = constraints(board)
    assert all(re.search(rf"\b{name}\b", written) for name, _ in board.pins)


def test_constraints_are_the_tools_languages():
    assert 'LOCATE COMP "rx" SITE "M1";\n' in constraints(ULX3S_85F)
    assert 'FREQUENCY PORT "clock" 25.000000 MHZ;\n' in constraints(ULX3S_85F)
    assert "set_io -pullup yes rx 6\n" in constraints(ICEBREAKER) and "set_frequency clock 12\n" in constraints(
        ICEBREAKER
    )
    assert 'IO_LOC "rx" 70;\nIO_PORT "rx" IO_TYPE=LVCMOS33 PULL_MODE=UP;\n' in constraints(TANG_NANO_20K)


def test_bad_boards_are_refused():
    with pytest.raises(SpecError, match=r"^board icebreaker uses pin 6 twice\.$"):
        replace(ICEBREAKER, tx=Pin("6"))
    with pytest.raises(SpecError, match=r"^a diode of a board shows one of locked, busy, .*; got 'lokced' on ice"):
        replace(ICEBREAKER, leds=(("lokced", Pin("37")),))
    with pytest.raises(SpecError, match=r"^the speed grade of an ecp5 part is 6, 7 or 8; got 5 for X\.$"):
        Part("X", "ecp5", "85k", "CABGA381", 5)
    with pytest.raises(
        SpecError, match=r"^the family of a part is one of 'ecp5', 'ice40', 'gowin'; got 'xc7' for X\.$"
    ):
        Part("X", "xc7", "35t", "cpg236")  # pyright: ignore[reportArgumentType]
    with pytest.raises(DeviceError, match=r"^unknown board 'ulx4s'; known are ulx3s-85f, icebreaker, tangnano20k\.$"):
        find_board("ulx4s")


def test_a_fabric_that_cannot_fit_is_refused_before_synthesis():
    """What was placed on a board passes; what is too large beyond the model's error is refused with figures."""
    small = dict(table_bits=6, levels=1, rng="lfsr32", min_shift=4)
    assert check_size(ICEBREAKER, fabric("complete-4", **small)) == ""
    assert check_size(ULX3S_85F, fabric("g4-8x8-torus")) == "" and check_size(TANG_NANO_20K, TINY) == ""
    with pytest.raises(
        DeviceError, match=r"^the design does not fit on iCE40UP5K-SG48: it takes about 1\d,\d+ LUT4 of 5,"
    ):
        check_size(ICEBREAKER, fabric("complete-64"))
    wide = fabric("g12-70x70-torus", architecture="systolic")
    assert check_size(ULX3S_85F, wide) == "", "197 block RAMs were placed, and three of the link"
    with pytest.raises(
        DeviceError, match=r"^the design does not fit on GW2AR-.*: it takes about 26,\d+ flip-flops of 15,552 by"
    ):
        check_size(TANG_NANO_20K, wide)


def test_divisors():
    assert find_divisor(50.0, 1_000_000) == 50 and find_divisor(18.0, 115_200) == 156
    with pytest.raises(SpecError, match=r"^a clock of 18 MHz makes no 12000000 baud: .*; 4500000 baud would do\.$"):
        find_divisor(18.0, 12_000_000)
    with pytest.raises(SpecError, match=r"^a clock of 12 MHz makes no 2600000 baud: .*; 2400000 baud would do\.$"):
        find_divisor(12.0, 2_600_000)
    with pytest.raises(SpecError, match=r"^baud is a positive number of bits per second, got 0\.$"):
        find_divisor(18.0, 0)


def test_reset_waits_for_a_steady_lock_and_returns_when_it_is_lost():
    m, always = Module(), ClockDomain("always", reset_less=True)
    m.domains += always
    locked, reset = Signal(), Signal()
    lost = add_reset(m, locked, reset)
    simulator = Simulator(m)
    simulator.add_clock(1e-8, domain="always")

    async def bench(ctx):
        def clocks(n):
            return ctx.tick("always").repeat(n)

        assert ctx.get(reset), "reset holds from power-on, before any clock"
        await clocks(2 * RESET_CLOCKS)
        assert ctx.get(reset), "no lock, no release"
        ctx.set(locked, 1)
        await clocks(RESET_CLOCKS - 50)
        ctx.set(locked, 0)  # a lock that does not last starts the wait again
        await clocks(3)
        ctx.set(locked, 1)
        await clocks(RESET_CLOCKS)
        assert ctx.get(reset) and not ctx.get(lost)
        await clocks(10)
        assert not ctx.get(reset), "released once the lock is steady"
        await clocks(3 * RESET_CLOCKS)
        assert not ctx.get(reset) and not ctx.get(lost)
        ctx.set(locked, 0)
        await clocks(4)
        assert ctx.get(reset) and ctx.get(lost), "a lost lock resets at once, and is remembered"
        ctx.set(locked, 1)
        await clocks(RESET_CLOCKS + 10)
        assert not ctx.get(reset) and ctx.get(lost)

    simulator.add_testbench(bench)
    simulator.run()


def test_flash_says_what_is_missing(tmp_path, monkeypatch):
    with pytest.raises(SpecError, match=r"^there is no bitstream .*top\.bin; make one with: thermofab build "):
        flashing.flash(ICEBREAKER, tmp_path / "top.bin", permanent=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "top.bin").write_bytes(b"x")
    with pytest.raises(ToolMissingError, match=r"^loading a bitstream onto a board needs the program openFPGALoader, "):
        flashing.flash(ICEBREAKER, tmp_path / "top.bin", permanent=False)


def test_flash_calls_the_loader(tmp_path, monkeypatch):
    """No board is connected here: a script in the loader's place shows how it would be called."""
    loader, bitstream = tmp_path / "openFPGALoader", tmp_path / "top.bit"
    bitstream.write_bytes(b"x")
    loader.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/called\nexit $(cat {tmp_path}/status)\n')
    loader.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "status").write_text("0")
    flashing.flash(ULX3S_85F, bitstream, permanent=False)
    assert (tmp_path / "called").read_text().split() == ["--board", "ulx3s", "--write-sram", str(bitstream)]
    flashing.flash(ICEBREAKER, bitstream, permanent=True)
    assert (tmp_path / "called").read_text().split() == ["--board", "ice40_generic", "--write-flash", str(bitstream)]
    (tmp_path / "status").write_text("3")
    with pytest.raises(DeviceError, match=r"^openFPGALoader ended with exit status 3; check that the ulx3s"):
        flashing.flash(ULX3S_85F, bitstream, permanent=False)
