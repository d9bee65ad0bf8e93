"""The native kernel on irregular graphs: clamped neighbours added up beforehand, replicas in mixed blocks, neighbours
looked up as bits; the reference's bits throughout."""

from dataclasses import replace

import networkx
import numpy as np
import pytest

from thermofab.hw.spec import FREE, FabricSpec, Image, Schedule, fabric, open_device, sigmoid_table
from thermofab.sim.conformance import Case, random_image, states_of
from thermofab.sim.native import library
from thermofab.sim.native.device import NativeDevice
from thermofab.sim.native.sites import FEW_ON_A_GRAPH, FEW_ON_A_LARGE_GRAPH, site_layout
from thermofab.sim.reference import ReferenceDevice
from thermofab.sim.tempering import Ladder, temper

SCHEDULE = Schedule(2, 3, 1, ((1, 1),), 2)
FORMS = [pytest.param(False, id="fastest"), pytest.param(True, id="plain")]
# Fields of 16 bits, of bytes, and of 32 bits.
WIDTHS = ({}, {"weight_bits": 3, "bias_bits": 4, "dither_bits": 0}, {"profile": "fine", "weight_bits": 14})


def irregular(**widths) -> FabricSpec:
    """40 sites of degrees 2 to 10 or so."""
    return fabric(networkx.gnm_random_graph(40, 110, seed=3), **widths)


def image_of(spec: FabricSpec, seed: int) -> Image:
    return random_image(np.random.default_rng(seed), spec).replace(clamps=np.full(spec.n_sites, FREE))


def clamps_of(spec: FabricSpec, replicas: int, kind: str, seed: int) -> np.ndarray:
    """A third of the sites clamped: to values that differ by replica, that do not, or that do in the last ones."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 2, (replicas, spec.n_sites))
    if kind != "different":
        values[: replicas if kind == "equal" else replicas - 3] = values[0]
    return np.where(rng.random(spec.n_sites) < 1 / 3, values, FREE)


@pytest.mark.parametrize("kind", ["different", "equal", "different in the last"])
@pytest.mark.parametrize("widths", WIDTHS, ids=("16 bits", "bytes", "32 bits"))
def test_any_number_of_replicas_with_any_clamps_has_the_bits_of_the_reference(widths, kind):
    spec = irregular(**widths)
    image, clamp = image_of(spec, 1), clamps_of(spec, 200, kind, 2)
    expected = states_of("reference", Case("", image, SCHEDULE, 200, None, clamp))
    for threads, plain in ((1, False), (2, False), (1, True)):
        device = open_device("native", spec, plain=plain, threads=threads)
        device.load(image)
        for replicas in (1, 2, FEW_ON_A_GRAPH, 7, 31, 32, 34, 45, 64, 65, 99, 130, 193, 200):
            got = device.run(SCHEDULE, replicas=replicas, clamp=clamp[:replicas]).sites
            assert np.array_equal(got, expected[:replicas]), (threads, plain, replicas)


@pytest.mark.parametrize("plain", FORMS)
@pytest.mark.parametrize("replicas", [2, 36])
def test_clamped_sites_keep_what_states_are_set(replicas, plain):
    """Their neighbours' fields follow: equal clamped values become different ones, and the other way round."""
    spec = irregular()
    image, clamp = image_of(spec, 3), clamps_of(spec, replicas, "equal", 4)
    rng = np.random.default_rng(5)
    running = []
    for device in (NativeDevice(spec, plain=plain), ReferenceDevice(spec)):
        device.load(image)
        running.append(device.start(replicas=replicas, clamp=clamp))
    for states in (rng.random((replicas, 40)) < 0.5, np.repeat(rng.random((1, 40)) < 0.5, replicas, axis=0)):
        for chains in running:
            chains.set_states(states)
            chains.advance(((3, 0), (2, 1)))
        got, expected = (chains.states() for chains in running)
        assert np.array_equal(got, expected)
        assert np.array_equal(got[:, clamp[0] != FREE], states[:, clamp[0] != FREE])


@pytest.mark.parametrize("plain", FORMS)
def test_ladders_whose_clamps_differ_have_the_bits_of_the_reference(plain):
    spec = irregular()
    ladder, tables = Ladder.of(spec, 0.02, 2, betas=(1.0, 0.6, 0.3))
    image = image_of(spec, 6)
    image = image.replace(shift=2, tables=tables, weights=image.weights // 8, biases=image.biases // 32)
    clamp = clamps_of(spec, 35, "different", 7)
    found = []
    for name, options in (("native", {"plain": plain}), ("reference", {})):
        device = open_device(name, spec, **options)
        device.load(image)
        found.append(temper(device, ladder, rounds=4, sweeps=2, warmup=2, replicas=35, clamp=clamp, keep=(0, 2)))
    assert np.array_equal(found[0].states, found[1].states)
    assert np.array_equal(found[0].energies, found[1].energies)
    assert np.all(found[0].accepted > 0)


@pytest.mark.parametrize(
    ("sites", "few"),
    [(200, FEW_ON_A_GRAPH), (3000, FEW_ON_A_GRAPH), (7000, FEW_ON_A_GRAPH), (9000, FEW_ON_A_LARGE_GRAPH)],
)
def test_one_by_one_has_the_bits_of_shared_lanes(sites, few, monkeypatch):
    """Neighbours looked up as bits, and fetched one by one on a large graph."""
    for degree in (3, 6):
        spec = fabric(networkx.random_regular_graph(degree, sites, seed=degree))
        layout = site_layout(spec.topology)
        assert layout is not None and layout.neighbours
        image = replace(image_of(spec, 8), shift=4, tables=np.tile(sigmoid_table(spec, 0.004, 4), (spec.levels, 1)))
        device = open_device("native", spec)
        device.load(image)
        # Alone, and left over beside a block of others.
        for replicas in (few, 32 + few):
            with monkeypatch.context() as shared:
                shared.setattr(library, "FEW_ON_A_LATTICE", 0)
                expected = device.run(SCHEDULE, replicas=replicas)
            got = device.run(SCHEDULE, replicas=replicas)
            assert np.array_equal(got.sites, expected.sites)
        assert layout.most_replicas == few
