"""cocotb: 2×2 tiles joined by lines that lose, damage, repeat and delay words have the bits of one chip."""

import pytest
from tiles_runner import build, simulate

from thermofab.hw.rtl.tiles.plan import Line
from thermofab.hw.spec import Tiling, fabric

TESTS = ["clean", "bad", "clocks_apart", "dead", "resets", "aborts"]
TORUS = fabric("g4-4x4-torus", levels=2, table_bits=5)
CASES = {"torus": (TORUS, (2, 2), Line(4, patience=128)), }


@pytest.mark.parametrize("name", CASES)
def test_tiles_have_the_bits_of_one_chip(name, tmp_path, monkeypatch):
    spec, tiles, line = CASES[name]
    tiling = Tiling.blocks(spec.topology, tiles)
    runner = build(spec, tiling, line, tmp_path, monkeypatch)
    found = simulate(runner, tmp_path, monkeypatch, TESTS, 18)
    print(found)
