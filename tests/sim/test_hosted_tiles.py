"""Four tiles of compiled RTL with the host as their link: the reference's bits, over clean registers and bad lines."""

import numpy as np
import pytest

from thermofab.hw.link.device import SerialDevice
from thermofab.hw.spec import Link, Network, Schedule, Tiling, UnsupportedError, fabric
from thermofab.sim.conformance import random_image
from thermofab.sim.hosted_tiles import HostedTiles
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


def test_links_that_act_within_a_sweep_are_refused():
    for link in (None, Link(latency=1)):
        with pytest.raises(UnsupportedError, match="between sweeps"):
            HostedTiles(SPEC, Network(TILING, link), lambda _, tile: RtlDevice(tile))
