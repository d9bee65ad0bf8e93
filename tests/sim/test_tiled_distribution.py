"""The distribution that tiles settle to: enumerated where nothing is stale, that of long runs where something is."""

import numpy as np
import pytest
from scipy.stats import chi2

from thermofab.hw.spec import FREE, Image, Link, Network, Schedule, SpecError, Tiling, fabric, sigmoid_table
from thermofab.sim.native.tiles import TiledDevice
from thermofab.sim.tiled_distribution import schedule_sweeps, settled_distribution

BETA, WEIGHT = 0.44, 16
SPEC = fabric("g4-2x4", levels=1, threshold_bits=16, dither_bits=0)
TILING = Tiling.blocks(SPEC.topology, (1, 2))
IMAGE = Image(
    fabric=SPEC,
    weights=np.full(SPEC.topology.n_edges, WEIGHT),
    biases=np.arange(8) - 3,
    tables=sigmoid_table(SPEC, BETA / WEIGHT, 0)[None],
    shift=0,
    clamps=np.full(8, FREE),
)


def boltzmann() -> np.ndarray:
    spins = 2 * (np.arange(256)[:, None] >> np.arange(8) & 1) - 1
    i, j = SPEC.topology.edges.T
    weights = np.exp(BETA / WEIGHT * (WEIGHT * (spins[:, i] * spins[:, j]).sum(axis=1) + spins @ IMAGE.biases))
    return weights / weights.sum()


@pytest.mark.parametrize(
    "link", [None, Link(), Link(hold=True), Link(period=3, latency=4, hold=True)], ids=["exact", "free", "held", "late"]
)
def test_what_is_never_stale_is_boltzmann(link):
    """To the tables' rounding; held boundaries too, whatever is under way."""
    settled = settled_distribution(IMAGE, Network(TILING, link))
    assert settled.probabilities.sum() == pytest.approx(1)
    assert np.abs(settled.probabilities - boltzmann()).sum() / 2 < 5e-5


@pytest.mark.parametrize(
    "link",
    [Link(period=3), Link(bits=1), Link(latency=1), Link(period=2, latency=1, aligned=True)],
    ids=str,
)
def test_stale_tiles_sample_what_they_settle_to(link):
    """Independent chains, as many looked at after each sweep of the schedule; a chi-square of 255 degrees of freedom
    beyond the quantile of 1 - 1e-7: the chance of a false alarm of a row."""
    network = Network(TILING, link)
    settled = settled_distribution(IMAGE, network, tolerance=1e-8)
    truth, each = boltzmann(), 40_000 // schedule_sweeps(network)
    assert np.abs(settled.probabilities - truth).sum() / 2 > 0.02
    device = TiledDevice(SPEC, network)
    device.load(IMAGE)
    counts = np.zeros(256)
    for phase in range(settled.schedule):
        chains = range(phase * each, (phase + 1) * each)
        sites = device.run(Schedule(120 + phase, 1), replicas=chains).sites[:, 0]  # pyright: ignore[reportArgumentType]
        counts += np.bincount(sites @ (1 << np.arange(8)), minlength=256)
    expected = counts.sum() * settled.probabilities
    assert np.sum((counts - expected) ** 2 / expected) < chi2.isf(1e-7, 255)
    # The same test tells the chip's own distribution from it.
    expected = counts.sum() * truth
    assert np.sum((counts - expected) ** 2 / expected) > chi2.isf(1e-7, 255)


def test_what_is_too_large_or_clamped_is_refused():
    large = fabric("g4-4x8")
    image = Image.from_matrix(large, np.zeros((32, 32)), np.zeros(32), step=0.1, shift=4)
    with pytest.raises(SpecError, match="at most 24"):
        settled_distribution(image, Network(Tiling.blocks(large.topology, (1, 2))))
    with pytest.raises(SpecError, match="none of them clamped"):
        settled_distribution(IMAGE.replace(clamps=np.array([1] + [FREE] * 7)), Network(TILING))
