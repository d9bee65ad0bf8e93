"""The compiled dense fabric: the reference's bits in every form of its rows, clocks, counters, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest

from thermofab.hw.host.architectures import register_map
from thermofab.hw.host.driver import FabricDriver, RunSettings
from thermofab.hw.spec import IDLE, Order, Schedule, SpecError, UnsupportedError, fabric, open_device, plan_run
from thermofab.hw.spec.clocks import sweep_clocks
from thermofab.hw.spec.dense import dense_plan
from thermofab.sim.conformance import compare, last_bit_case, random_case, random_image, states_of
from thermofab.sim.rtl.build import build_library
from thermofab.sim.rtl.device import CxxrtlDevice, RtlDevice
from thermofab.sim.rtl.library import CompiledFabric

FABRICS = {
    "chunks of three": dict(source="complete-40"),
    "chunks of two": dict(source="king-9x10", levels=1, dither_bits=0, threshold_bits=12),
    "plain rows": dict(source="complete-130", min_shift=4, weight_bits=5),
    "rows in parts": dict(source="complete-33", elements=10, profile="fine", rng="xoshiro128+"),
    "parts of unequal width": dict(source="g8-7x9", elements=60, weight_bits=11),
    "a weight at a time": dict(source="complete-7", elements=1, rng="lfsr32"),
    "one site": dict(source="complete-1", min_shift=4),
}


def made(name: str, **more):
    arguments = {**FABRICS[name], **more}
    return fabric(arguments.pop("source"), architecture="dense", **arguments)


@pytest.mark.parametrize(
    "name, engine",
    [*((name, RtlDevice) for name in FABRICS), ("rows in parts", CxxrtlDevice)],
)
def test_same_bits_as_the_reference(name, engine):
    """Random images, orders, idle sites, clamps, initial states and schedules."""
    spec = made(name)
    device = engine(spec, optimise="-O0")
    for seed in range(6):
        case = random_case(np.random.default_rng(seed), name, 4000, spec)
        device.load(case.image)
        run = device.run(case.schedule, replicas=case.replicas, init=case.init, clamp=case.clamp)
        assert np.array_equal(run.sites, states_of("reference", case)), f"seed {seed}"


@pytest.mark.parametrize("source", ["complete-12", "g4-3x4"])
def test_every_bit_of_fine_thresholds(source):
    case = last_bit_case(fabric(source, profile="fine", levels=1, architecture="dense"))
    assert np.array_equal(states_of("rtl", case)[0, 0], np.arange(12) % 2 == 1)
    assert compare("rtl-cxxrtl", case).differing == 0


@pytest.mark.parametrize("name", ["chunks of three", "rows in parts"])
def test_the_ledger_counts_the_clocks_of_the_formula(name):
    """CYCLES beyond the sweeps' is the same whatever the image's order: the formula is exact."""
    spec = made(name)
    device, beyond = RtlDevice(spec, optimise="-O0"), set()
    for seed in range(6):
        image = random_image(np.random.default_rng(seed), spec)
        device.load(image)
        schedule = Schedule(3, 5, 2)
        beyond.add(device.run(schedule).ledger.cycles - schedule.n_sweeps * sweep_clocks(image))
    assert len(beyond) == 1 and 0 < beyond.pop() < 20


def test_an_order_of_one_colour_takes_a_clock_a_site():
    """Nothing is coupled, so all sites may be updated together: N clocks and one drain."""
    spec = made("chunks of three", moment_bits=4)
    image = random_image(np.random.default_rng(0), spec)
    image = image.replace(
        weights=np.zeros(spec.topology.n_edges),
        clamps=np.full(spec.n_sites, -1),
        order=Order.of_roots(np.zeros(40, dtype=int)),
    )
    assert sweep_clocks(image) == 40 + dense_plan(spec).drain == 45
    idle = image.replace(
        biases=np.where(np.arange(40) % 8, 0, image.biases),
        order=Order.of_roots(np.where(np.arange(40) % 8, IDLE, np.arange(40) // 8)),
    )
    assert sweep_clocks(idle) == 5 * (1 + dense_plan(spec).drain)
    for each in (image, idle):
        device, reference = RtlDevice(spec, optimise="-O0"), open_device("reference", spec)
        for running in (device, reference):
            running.load(each)
        schedule = Schedule(2, 30, 1)
        counts, states = device.accumulate(schedule, replicas=2), reference.run(schedule, replicas=2).sites
        i, j = spec.topology.edges.T
        assert np.array_equal(counts.ones, states.sum(axis=1))
        assert np.array_equal(counts.both, (states[:, :, i] & states[:, :, j]).sum(axis=1))


def test_images_follow_each_other_in_orders_of_any_length():
    """States and generators carry on where only the image changes: the walk begins anew with each run."""
    spec = made("chunks of three")
    driver = FabricDriver(spec, CompiledFabric(build_library(spec, "verilator", "-O0")))
    reference = open_device("reference", spec)
    for seed in range(4):
        image = random_image(np.random.default_rng([seed, 3]), spec)
        plan = plan_run(image, Schedule(0, 4, 1), 1, None, None, None)
        driver.load(image)
        # A run is broken off first, in the middle of a sweep.
        driver.start(RunSettings(((1000, 0),), 0, 1, 0))
        for _ in range(7 * seed):
            driver.read("STATUS")
        driver.abort()
        driver.prepare(plan, 0)
        reference.load(image)
        samples, _ = driver.run(plan.schedule)
        assert np.array_equal(samples, reference.run(plan.schedule).sites[0])


def test_what_is_refused():
    with pytest.raises(SpecError, match=r"^400 rows of 400 parts are more than the 32768 that a dense fabric addr"):
        dense_plan(fabric("complete-400", architecture="dense", elements=1))
    with pytest.raises(UnsupportedError, match=r"^a dense fabric counts at most 65536 moments, and complete-400 has"):
        register_map(fabric("complete-400", architecture="dense", moment_bits=8))
    with pytest.raises(UnsupportedError, match=r"^a systolic fabric updates its sites in its topology's order"):
        open_device("rtl-systolic", replace(fabric("g4-4x4"), architecture="dense"))
