"""cocotb: 2×2 tiles joined by lines that lose, damage, repeat and delay words have the bits of one chip.

``THERMOFAB_SEED`` in the environment replaces the seed given here.
"""

from fractions import Fraction

import pytest
from tiles_runner import build, simulate

from thermofab.hw.host.spatial.plan import plan_lanes
from thermofab.hw.rtl.tiles.plan import CHECK_BITS, HEADER_BITS, Line, plan_tile
from thermofab.hw.spec import SpecError, Tiling, UnsupportedError, Wire, fabric, part_of

TORUS = fabric("g4-4x4-torus", levels=2, table_bits=5)
# Two colours over lines of 4 bits a clock; four colours, tiles that all touch, unlike ones, and frames of a line of a bit.
CASES = {"torus": (TORUS, Line(4, patience=128)), "king": (fabric("king-5x4", levels=2, table_bits=5), Line(1, patience=400))}
ALL = ["clean", "bad", "clocks_apart", "dead", "resets", "aborts"]
# Clocks that a colour takes beyond the contract's formula for these frames: a tile's states show 3 clocks after its
# last slot, the sender takes 2 to begin, the line's queue 4 and the check 2; the first slot waits for the next clock.
BEYOND = 8


@pytest.mark.parametrize(("name", "tests"), [("torus", ALL), ("king", ["clean", "bad", "resets"])])
def test_tiles_have_the_bits_of_one_chip(name, tests, tmp_path, monkeypatch, capsys):
    spec, line = CASES[name]
    tiling = Tiling.blocks(spec.topology, (2, 2))
    runner = build(spec, tiling, line, tmp_path, monkeypatch)
    found = simulate(runner, tmp_path, monkeypatch, tests, 18)
    with capsys.disabled():
        print(f"\n{name}: {found}", end="")
