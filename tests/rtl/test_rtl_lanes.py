"""Which site stands in which lane and slot: a pure function, checked on every family."""

import numpy as np
import pytest

from thermofab.hw.host.spatial.plan import NONE, chunk_sizes, plan_lanes
from thermofab.hw.spec import SpecError, fabric, generator
from thermofab.sim.conformance import families, random_fabric


def specs():
    rng = np.random.default_rng(11)
    for family in families():
        spec = random_fabric(rng, family)
        largest = max(len(sites) for sites in spec.topology.colour_classes)
        yield spec
        yield fabric(spec, elements=int(rng.integers(1, largest + 1)))


@pytest.mark.parametrize("spec", list(specs()), ids=repr)
def test_every_site_has_one_slot_of_its_colour_and_all_its_neighbours(spec):
    plan, top = plan_lanes(spec), spec.topology
    near, edge_of = top.neighbour_table
    placed = [site for lane in plan.lanes for site in lane.sites if site != NONE]
    assert sorted(placed) == list(range(top.n_sites))
    for lane in plan.lanes:
        assert len(lane.sites) == plan.slots == plan.fold * top.n_colours
        for slot, site in enumerate(lane.sites):
            pairs = len(lane.sources) - sum(lane.widths)
            inputs = {(p[slot], e[slot]) for p, e in zip(lane.sources[:pairs], lane.edges) if p[slot] != NONE}
            if site == NONE:
                assert not inputs and all(row[slot] == NONE for row in lane.factors)
                continue
            entered, start = [], pairs
            for row, width in zip(lane.factors, lane.widths):
                if row[slot] != NONE:
                    others = [p[slot] for p in lane.sources[start : start + width] if p[slot] != NONE]
                    entered.append(tuple(sorted([site, *others])))
                start += width
            assert sorted(entered) == [factor for factor in top.factors if site in factor]
            assert top.colours[site] == slot // plan.fold
            assert inputs == {(j, e) for j, e in zip(near[site].tolist(), edge_of[site].tolist()) if j >= 0}


def test_lanes_see_few_sources():
    """All to all, 16 slots see 16 sources each but their own: two at each of 15 positions, not sixteen."""
    (lane,) = plan_lanes(fabric("complete-16")).lanes
    assert lane.multiplexer_inputs <= 16
    torus = plan_lanes(fabric("g4-8x8-torus"))
    assert len(torus.lanes) == 32 and all(lane.multiplexer_inputs == 4 for lane in torus.lanes)


@pytest.mark.parametrize("positions, chunk, sizes", [(4, 3, (3, 1)), (6, 3, (3, 3)), (0, 3, (0,)), (2, 4, (2,))])
def test_chunks(positions, chunk, sizes):
    assert chunk_sizes(positions, chunk) == sizes


@pytest.mark.parametrize("name, word_bits", [("lfsr64", 16), ("lfsr64", 32), ("lfsr32", 16)])
def test_window_generators_shift_their_word_in(name, word_bits):
    """What :attr:`LanePlan.seed_bits` relies on."""
    rng, integer = np.random.default_rng(1), generator(name)
    bits = 32 * integer.state_words
    for _ in range(200):
        words = tuple(int(w) for w in rng.integers(0, 2**32, integer.state_words))
        after, word = integer.step(words, word_bits)
        before = sum(w << 32 * k for k, w in enumerate(words))
        assert sum(w << 32 * k for k, w in enumerate(after)) == before >> word_bits | word << (bits - word_bits)
    assert integer.window


def test_xoshiro_is_no_window():
    """Its state is not the words it drew: one step of the state 1, 2, 3, 4 does not move the words along."""
    integer = generator("xoshiro128+")
    after, word = integer.step((1, 2, 3, 4), 32)
    assert not integer.window and after != (2, 3, 4, word)


def test_more_lanes_than_sites_of_a_colour_are_refused():
    with pytest.raises(
        SpecError,
        match=r"^elements must lie in 1…8 for a spatial fabric on g4-4x4-torus, whose largest colour has 8 sites, or "
        r"be 0 for a lane each, got 9\.$",
    ):
        plan_lanes(fabric("g4-4x4-torus", elements=9))
