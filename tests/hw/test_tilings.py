"""Tilings, their boundaries, and what a link carries when."""

from fractions import Fraction

import numpy as np
import pytest

from thermofab.hw.spec import Link, Network, SpecError, Tiling, Wire, topology
from thermofab.hw.spec.factors import factor_pairs


@pytest.mark.parametrize(
    "name, tiles", [("g4-6x6-torus", (2, 3)), ("king-5x7", (2, 2)), ("chimera-3", (3, 1)), ("cubic-4x3x2", (2, 1, 2))]
)
def test_boundaries_are_the_sites_that_other_tiles_couple_to(name, tiles):
    tiling = Tiling.blocks(topology(name), tiles)
    top, of = tiling.topology, tiling.tile_of
    assert tiling.n_tiles == np.prod(tiles)
    needed = {(of[a], of[b], a) for i, j in top.edges.tolist() for a, b in ((i, j), (j, i)) if of[a] != of[b]}
    assert {(b.source, b.target, site) for b in tiling.boundaries for site in b.sites.tolist()} == needed
    for boundary in tiling.boundaries:
        colours = top.colours[boundary.sites]
        assert np.all(np.diff(colours) >= 0)
        for c in range(top.n_colours):
            assert np.all(colours[boundary.bounds[c] : boundary.bounds[c + 1]] == c)


def test_sites_that_share_a_factor_are_on_boundaries():
    top = topology("pdit4-2x2")
    tiling = Tiling(top, np.arange(top.n_sites) // 4)
    across = [p for p in factor_pairs(top.factors).tolist() if tiling.tile_of[p[0]] != tiling.tile_of[p[1]]]
    assert across and np.all(tiling.on_boundary[across])


def test_blocks_differ_by_one_cell_at_most():
    tiling = Tiling.blocks(topology("g4-7x5"), (3, 2))
    assert sorted(len(tiling.sites_of(t)) for t in range(6)) == [4, 4, 6, 6, 6, 9]


def test_a_network_without_a_link_or_of_one_tile_is_exact_and_refreshes_all():
    tiling = Tiling.blocks(topology("g4-4x4"), (2, 2))
    alone = Tiling(tiling.topology, np.zeros(16, dtype=int))
    assert alone.boundaries == () and not alone.on_boundary.any()
    for network in (Network(tiling), Network(alone, Link(period=4))):
        assert network.eta == 1


def test_bad_tilings_are_refused():
    top = topology("g4-4x4")
    with pytest.raises(SpecError, match="one integer per site"):
        Tiling(top, np.zeros(15, dtype=int))
    with pytest.raises(SpecError, match="every one used"):
        Tiling(top, np.arange(16) % 3 * 2)
    with pytest.raises(SpecError, match="tiles along each axis"):
        Tiling.blocks(top, (2, 5))
    with pytest.raises(SpecError, match="no lattice"):
        Tiling.blocks(topology("complete-5"), (2,))
    with pytest.raises(SpecError, match="bits of a link"):
        Link(bits=0)
    with pytest.raises(SpecError, match="leave bits out"):
        Link(bits=2, hold=True)
    with pytest.raises(SpecError, match="raise the period"):
        Network(Tiling.blocks(top, (2, 2)), Link(period=2, latency=3, hold=True))
    with pytest.raises(SpecError, match="latency of at least 0"):
        Wire(-1, Fraction(1))


def test_eta_and_turns():
    tiling = Tiling.blocks(topology("g4-8x8"), (1, 2))
    (boundary, _) = tiling.boundaries
    assert boundary.size == 8
    link = Link(bits=3, period=2)
    assert Network(tiling, link).eta == Fraction(3, 16)
    carried = [[p for c in range(2) for p in link.positions(boundary, s, c)] for s in range(8)]
    assert carried == [[], [0, 1, 2], [], [3, 4, 5], [], [0, 6, 7], [], [1, 2, 3]]
    assert Network(tiling).is_exact and Network(tiling, Link()).is_exact
    assert not Network(tiling, Link(latency=1)).is_exact
    assert Network(tiling, Link(period=4, hold=True)).eta == Fraction(1, 8)


def test_when_what_was_sent_is_seen():
    assert [Link(latency=2).due(step, 4) for step in (0, 1)] == [3, 4]
    assert [Link(latency=1, aligned=True).due(step, 4) for step in (1, 2, 3)] == [4, 4, 8]


def test_a_wire_in_clocks():
    """8 positions a boundary, 4 a colour, 3 clocks a colour: 6 clocks per sweep."""
    tiling = Tiling.blocks(topology("g4-8x8"), (1, 2))
    assert Wire(10, Fraction(2)).exact_clocks(tiling) == 2 * (3 + 10 + 2)
    assert Wire(10, Fraction(2)).link(tiling) == Link(period=1, bits=12, latency=4)
    assert Wire(0, Fraction(1, 2)).link(tiling) == Link(period=1, bits=3, latency=2)
    assert Wire(0, Fraction(1, 60)).link(tiling) == Link(period=10, bits=1, latency=20)
