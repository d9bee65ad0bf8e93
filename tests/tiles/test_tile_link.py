"""cocotb: tiles joined by lines that lose, damage, repeat and delay words have the bits of one chip.

``THERMOFAB_SEED`` in the environment replaces the seed given here. The four-colour tiles run over clean lines alone by
default; ``pytest -m soak tests/tiles`` takes both networks through every scenario.
"""

from fractions import Fraction

import numpy as np
import pytest

from tests.seeds import seed_of
from thermofab.hw.host.spatial.plan import plan_lanes
from thermofab.hw.rtl.tiles.plan import CHECK_BITS, HEADER_BITS, Line, plan_tile
from thermofab.hw.spec import SpecError, Tiling, UnsupportedError, Wire, fabric, part_of
from thermofab.sim.cosim.tiles.run import SCENARIOS, tiles_lockstep

TORUS, KING = fabric("g4-4x4-torus", levels=2, table_bits=5), fabric("king-4x3", levels=2, table_bits=5)
# Two colours over 4 bits a clock; four colours, of which one frame has no states and the others differ, over one bit.
NETWORKS = {"torus": (TORUS, (2, 2), Line(4, patience=128)), "king": (KING, (2, 1), Line(1, patience=400))}
CASES = [
    pytest.param("torus", SCENARIOS, id="torus"),
    pytest.param("king", SCENARIOS[:1], id="king"),
    pytest.param("king", SCENARIOS, id="king-all", marks=pytest.mark.soak),
]
# Clocks of a colour beyond its own and its frame's words: 3 until the states show, of which the sender's start hides 1;
# then the sender's register, the bench's line, the queue, the check and the ghosts.
BEYOND = 8


@pytest.mark.parametrize(("name", "tests"), CASES)
def test_tiles_have_the_bits_of_one_chip(name, tests, tmp_path):
    spec, tiles, line = NETWORKS[name]
    tiling = Tiling.blocks(spec.topology, tiles)
    found = tiles_lockstep(spec, tiling, line, scenarios=tests, seed=seed_of(18), folder=tmp_path)
    assert all(found[test] > 20 * spec.n_sites for test in tests), "site updates compared"
    # A sweep over clean lines takes the contract's clocks, the frame's other bits and the way through counted as λ.
    wire = Wire((HEADER_BITS + CHECK_BITS) // line.width + BEYOND, Fraction(line.width), colour_clocks(spec, tiling))
    assert found["sweep_clocks"] == wire.exact_clocks(tiling)


def colour_clocks(spec, tiling) -> int:
    return max(plan_lanes(part_of(spec, tiling, t).fabric).colour_clocks for t in range(tiling.n_tiles))


def test_what_cannot_be_built_is_refused():
    def plan(spec, tiles=(2, 2), line=None):
        return plan_tile(spec, Tiling.blocks(spec.topology, tiles), 0, line or Line())

    with pytest.raises(UnsupportedError, match="not 'systolic'; use fabric"):
        plan(fabric("g4-4x4-torus", architecture="systolic"))
    with pytest.raises(UnsupportedError, match="take moment_bits=0"):
        plan(fabric("g4-4x4-torus", moment_bits=8))
    with pytest.raises(UnsupportedError, match="pairs of sites only"):
        factors = fabric("pdit4-2x3")
        plan_tile(factors, Tiling(factors.topology, np.arange(factors.n_sites) % 2), 0, Line())
    with pytest.raises(UnsupportedError, match="has no neighbour"):
        plan(fabric("g4-4x4-torus"), (1, 1))
    with pytest.raises(SpecError, match="patience must be more, got 40"):
        plan(fabric("g4-4x4-torus"), line=Line(4, patience=40))
    for wrong in ({"width": 3}, {"patience": 0}, {"delay": 1.5}):
        with pytest.raises(SpecError, match="of a line|bits wide"):
            Line(**wrong)  # pyright: ignore[reportArgumentType]
