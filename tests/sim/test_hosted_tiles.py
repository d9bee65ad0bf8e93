"""Four tiles of compiled RTL with the host as their link: the reference's bits, over clean registers and bad lines."""

import numpy as np
import pytest

from thermofab.hw.link.device import SerialDevice
from thermofab.hw.spec import Link, Network, Schedule, Tiling, UnsupportedError, fabric
from thermofab.sim.conformance import random_image
from thermofab.sim.driven import integer_energies
from thermofab.sim.hosted_tiles import HostedTiles
from thermofab.sim.observers import Energies, Histogram
from thermofab.sim.rtl.board import SimulatedBoard
from thermofab.sim.rtl.device import RtlDevice
from thermofab.sim.rtl.line import FaultyLine
from thermofab.sim.tiles import TiledReference

SPEC = fabric("g4-4x4-torus", levels=3)
TILING = Tiling.blocks(SPEC.topology, (2, 2))
SCHEDULE = Schedule(3, 5, 2, ((2, 1), (4, 2)))
LINKS = [
    Link(aligned=True),
    Link(period=3, aligned=True),
    Link(period=2, latency=3, bits=2, aligned=True),
    Link(period=3, latency=2, hold=True),
]


def both(link: Link, open_tile, schedule: Schedule = SCHEDULE) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(11)
    image = random_image(rng, SPEC)
    clamp = np.where(np.arange(SPEC.n_sites) == 6, 1, -1)
    found = []
    network = Network(TILING, link)
    for device in (TiledReference(SPEC, network), HostedTiles(SPEC, network, open_tile)):
        device.load(image)
        found.append(device.run(schedule, replicas=range(1, 2), clamp=clamp).sites)  # pyright: ignore[reportArgumentType]
    return found[0], found[1]


@pytest.mark.parametrize("link", LINKS, ids=str)
def test_rtl_tiles_have_the_bits_of_the_reference(link):
    expected, got = both(link, lambda _, tile: RtlDevice(tile))
    assert np.array_equal(got, expected)


def test_tiles_behind_lossy_lines_have_them_too():
    """Each tile a board behind its own UART; one frame in ten is damaged, dropped, repeated, cut or lengthened."""
    lines: list[FaultyLine] = []
    boards: list[SimulatedBoard] = []

    def open_tile(number: int, tile) -> SerialDevice:
        boards.append(SimulatedBoard(tile, divisor=2))
        lines.append(FaultyLine(boards[-1].path, 0.1, number))
        return SerialDevice(tile, url=f"serial://{lines[-1].path}")

    try:
        expected, got = both(LINKS[3], open_tile, Schedule(2, 2, 2, ((3, 1),)))
        assert np.array_equal(got, expected)
        assert all(sum(line.faults.values()) > 0 for line in lines)
    finally:
        for line in lines:
            line.close()
        for board in boards:
            board.close()


@pytest.mark.rtl
@pytest.mark.parametrize("link", [LINKS[0], LINKS[3]], ids=str)
def test_counts_energies_and_states_are_those_of_the_samples(link):
    """And chains go on from states that they are given, as the reference's do."""
    network = Network(TILING, link)
    image = random_image(np.random.default_rng(11), SPEC)
    hosted, reference = HostedTiles(SPEC, network, lambda _, tile: RtlDevice(tile)), TiledReference(SPEC, network)
    for device in (hosted, reference):
        device.load(image)
    sites = hosted.run(SCHEDULE).sites
    counts = hosted.accumulate(SCHEDULE)
    i, j = SPEC.topology.edges.T
    assert np.array_equal(counts.ones, sites.sum(axis=1))
    assert np.array_equal(counts.both, (sites[..., i] & sites[..., j]).sum(axis=1))
    energy, seen = hosted.observe(SCHEDULE, [Energies(), Histogram((0, 5))]).results
    assert np.allclose(energy.mean, integer_energies(image, sites).mean(axis=1))
    assert np.array_equal(seen, np.bincount((sites[..., [0, 5]] @ [1, 2]).reshape(-1), minlength=4))
    given = np.random.default_rng(1).random((1, SPEC.n_sites)) < 0.5
    ends = []
    for device in (hosted, reference):
        chains = device.start()
        chains.set_states(given)
        assert np.array_equal(chains.states(), given)
        chains.advance(((4, 0),))
        ends.append(chains.states())
    assert np.array_equal(*ends)


def test_what_tiles_behind_registers_have_not_is_refused():
    device = HostedTiles(SPEC, Network(TILING, LINKS[0]), lambda _, tile: RtlDevice(tile))
    device.load(random_image(np.random.default_rng(11), SPEC))
    with pytest.raises(
        UnsupportedError, match=r"^tiles behind registers hold one chain at a time; run one replica, as"
    ):
        device.run(SCHEDULE, replicas=2)
    factors = fabric("pdit4-2x2")
    network = Network(Tiling(factors.topology, np.arange(factors.n_sites) // 4), LINKS[0])
    with pytest.raises(UnsupportedError, match=r"^tiles behind registers couple pairs of sites only; use"):
        HostedTiles(factors, network, lambda _, tile: RtlDevice(tile))


def test_links_that_act_within_a_sweep_are_refused():
    for link in (None, Link(latency=1)):
        with pytest.raises(UnsupportedError, match="between sweeps"):
            HostedTiles(SPEC, Network(TILING, link), lambda _, tile: RtlDevice(tile))
