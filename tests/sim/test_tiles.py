"""Fabrics in tiles: exact mode has the bits of one chip, free mode those of its definition, on every simulator."""

from fractions import Fraction

import numpy as np
import pytest

from thermofab.hw.spec import (
    Link,
    Network,
    Schedule,
    SpecError,
    Tiling,
    UnsupportedError,
    Wire,
    fabric,
    open_device,
)
from thermofab.sim.conformance import random_image
from thermofab.sim.native.tiles import TiledDevice
from thermofab.sim.tiles import TiledReference, TiledReferenceChains

SCHEDULE = Schedule(3, 4, 2, ((2, 1), (1, 3)), 2)
FABRICS = [
    (fabric("g4-6x6-torus"), (2, 2)),
    (fabric("g8-5x9", rng="lfsr32"), (2, 3)),
    (fabric("king-6x6-torus", rng="xoshiro128+"), (3, 2)),
    (fabric("cubic-3x4x5", profile="fine"), (1, 2, 2)),
    (fabric("chimera-2"), (2, 1)),
    (fabric("complete-9", weight_bits=14, bias_bits=20), None),
]
LINKS = [
    Link(),
    Link(latency=1),
    Link(latency=5),
    Link(period=3),
    Link(aligned=True),
    Link(period=4, aligned=True, latency=1),
    Link(bits=1),
    Link(bits=2, latency=3, period=2),
    Link(bits=3, aligned=True),
    Link(hold=True),
    Link(period=4, latency=3, hold=True),
    Link(period=2, latency=1, aligned=True, hold=True),
]


def tiling_of(spec, blocks) -> Tiling:
    if blocks is not None:
        return Tiling.blocks(spec.topology, blocks)
    return Tiling(spec.topology, np.arange(spec.n_sites) % 3)


def case(number: int):
    spec, blocks = FABRICS[number]
    rng = np.random.default_rng(number)
    image = random_image(rng, spec)
    clamp = np.where(rng.random(spec.n_sites) < 0.15, rng.integers(0, 2, spec.n_sites), -1)
    return image, tiling_of(spec, blocks), clamp


def run(device, image, clamp, replicas=2, schedule=SCHEDULE):
    device.load(image)
    return device.run(schedule, replicas=replicas, clamp=clamp).sites


@pytest.mark.parametrize("number", range(len(FABRICS)))
def test_exact_tiles_have_the_bits_of_one_chip(number):
    """Whatever the wire: tiles that have no common time, and wait for frames alone."""
    image, tiling, clamp = case(number)
    expected = run(open_device("reference", image.fabric), image, clamp)
    for wire in (Wire(0, Fraction(4)), Wire(7, Fraction(1, 3), 4)):
        device = TiledReference(image.fabric, Network(tiling), wire)
        assert np.array_equal(run(device, image, clamp), expected)
        device.load(image)
        chains = device.start()
        assert isinstance(chains, TiledReferenceChains)
        chains.advance(((5, 0),))
        assert 5 * tiling.topology.n_colours * wire.colour_clocks < chains.clocks <= 5 * wire.exact_clocks(tiling)


def test_alike_tiles_take_the_clocks_of_the_formula():
    spec = fabric("g4-8x8-torus")
    tiling, wire = Tiling.blocks(spec.topology, (2, 2)), Wire(11, Fraction(2, 3))
    device = TiledReference(spec, Network(tiling), wire)
    device.load(random_image(np.random.default_rng(5), spec))
    chains = device.start()
    assert isinstance(chains, TiledReferenceChains)
    chains.advance(((4, 0),))
    # Two colours, each 3 clocks, 4 of the 8 boundary bits of a link, 11 clocks under way.
    assert chains.clocks == 4 * wire.exact_clocks(tiling) == 4 * 2 * (3 + 11 + 6)


def test_a_link_that_is_never_late_changes_no_bit():
    image, tiling, clamp = case(0)
    expected = run(open_device("reference", image.fabric), image, clamp)
    assert np.array_equal(run(TiledReference(image.fabric, Network(tiling, Link())), image, clamp), expected)
    stale = run(TiledReference(image.fabric, Network(tiling, Link(latency=1))), image, clamp)
    assert not np.array_equal(stale, expected)


@pytest.mark.parametrize("plain", [False, True], ids=["fastest", "plain"])
@pytest.mark.parametrize("number", range(len(FABRICS)))
def test_native_tiles_have_the_bits_of_the_reference(number, plain):
    image, tiling, clamp = case(number)
    networks = [Network(tiling), *(Network(tiling, link) for link in LINKS)]
    for network in networks:
        expected = run(TiledReference(image.fabric, network), image, clamp)
        got = run(TiledDevice(image.fabric, network, plain=plain), image, clamp)
        assert np.array_equal(got, expected), network.link


def test_runs_cut_into_calls_have_the_same_bits():
    image, tiling, clamp = case(0)
    for link in LINKS:
        for make in (TiledReference, TiledDevice):
            device = make(image.fabric, Network(tiling, link))
            device.load(image)
            whole, cut = device.start(clamp=clamp), device.start(clamp=clamp)
            whole.advance(((7, 0), (4, 1)))
            for sweeps, level in ((1, 0), (5, 0), (1, 0), (2, 1), (2, 1)):
                cut.advance(((sweeps, level),))
            assert np.array_equal(whole.states(), cut.states())


def test_states_that_are_set_are_seen_by_all_tiles():
    image, tiling, _ = case(1)
    states = np.random.default_rng(3).random((1, image.fabric.n_sites)) < 0.5
    found = []
    for make in (TiledReference, TiledDevice):
        device = make(image.fabric, Network(tiling, Link(period=5, latency=2)))
        device.load(image)
        chains = device.start()
        chains.advance(((6, 0),))
        chains.set_states(states)
        chains.advance(((1, 0),))
        found.append(chains.states())
    assert np.array_equal(*found)


def test_factors_cross_tiles_on_the_reference_alone():
    spec = fabric("pdit4-2x3")
    tiling = Tiling(spec.topology, np.arange(spec.n_sites) // 4)
    image = random_image(np.random.default_rng(8), spec)
    expected = run(open_device("reference", spec), image, None)
    wire = Wire(3, Fraction(1, 2))
    assert np.array_equal(run(TiledReference(spec, Network(tiling), wire), image, None), expected)
    assert not np.array_equal(run(TiledReference(spec, Network(tiling, Link(period=2))), image, None), expected)
    with pytest.raises(UnsupportedError, match="has factors"):
        run(TiledDevice(spec, Network(tiling)), image, None)


def test_other_fabrics_tiles_are_refused():
    tiling = tiling_of(*FABRICS[0])
    for make in (TiledReference, TiledDevice):
        with pytest.raises(SpecError, match="make the tiling"):
            make(fabric("g4-6x6"), Network(tiling))
        with pytest.raises(SpecError, match="order is the image's"):
            make(fabric("g4-6x6-torus", architecture="relay"), Network(tiling))
