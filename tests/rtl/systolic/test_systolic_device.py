"""The compiled systolic fabric: the reference's bits for every family, counters, clamps, and what it refuses."""

from dataclasses import replace

import networkx
import numpy as np
import pytest

from thermofab.hw.host import registers as rm
from thermofab.hw.host.driver import FabricDriver, RunSettings
from thermofab.hw.host.systolic.layout import WIDE_TAPS
from thermofab.hw.host.systolic.timing import layout_of, timing_of
from thermofab.hw.rng.base import seed_words
from thermofab.hw.spec import DeviceError, Schedule, fabric, generator, open_device, plan_run
from thermofab.sim.conformance import compare, random_case, random_image, states_of
from thermofab.sim.reference import Chain
from thermofab.sim.rtl.build import OPTIMISE, build_library
from thermofab.sim.rtl.device import RtlDevice
from thermofab.sim.rtl.library import CompiledFabric

FABRICS = {
    "torus": dict(source="g4-6x6-torus"),
    "open, ragged": dict(source="g8-7x9", elements=2),
    "four colours": dict(source="king-6x7", levels=1, dither_bits=0, threshold_bits=12),
    "three dimensions": dict(source="cubic-3x4x5", profile="fine", rng="xoshiro128+"),
    "cells of eight": dict(source="chimera-2", weight_bits=9),
    "a graph": dict(source="complete-7", rng="lfsr32"),
    "one site": dict(source="complete-1", min_shift=4),
    "many elements": dict(source="g4-4x70"),
    "p-dits": dict(source="pdit4-2x3", levels=2),
    "p-dits of three bits": dict(source="pdit8-2x2", levels=1, table_bits=4, elements=2),
    "every slot used": dict(source="g4-8x8-torus", elements=1),
}


def made(name: str, **more):
    arguments = {**FABRICS[name], **more}
    return fabric(arguments.pop("source"), architecture="systolic", **arguments)


@pytest.mark.parametrize("name", FABRICS)
def test_same_bits_as_the_reference(name):
    spec = made(name)
    for seed in range(3):
        outcome = compare("rtl", random_case(np.random.default_rng(seed), name, 4000, spec))
        assert outcome.differing == 0 and outcome.compared > 0, outcome.first


@pytest.mark.parametrize("name", ["every slot used", "four colours", "cells of eight", "a graph", "one site", "p-dits"])
def test_counters_are_the_sums_over_samples(name):
    spec = made(name, moment_bits=4)
    assert layout_of(spec).used.all() == (name == "every slot used")
    for seed in range(2):
        case = random_case(np.random.default_rng(seed), name, 3000, spec)
        device = RtlDevice(spec)
        device.load(case.image)
        schedule = replace(case.schedule, n_samples=20)  # more than a counter holds
        case = replace(case, schedule=schedule)
        counts = device.accumulate(schedule, replicas=case.replicas, init=case.init, clamp=case.clamp)
        states = states_of("reference", case)
        first, last = spec.topology.edges.T
        assert np.array_equal(counts.ones, states.sum(axis=1))
        assert np.array_equal(counts.both, (states[:, :, first] & states[:, :, last]).sum(axis=1))


class Bench:
    """A compiled fabric with its driver, and the reference chain beside it."""

    def __init__(self, spec, seed=3, ready=1.0, optimise=OPTIMISE) -> None:
        self.spec = spec
        self.driver = FabricDriver(spec, CompiledFabric(build_library(spec, "verilator", optimise), ready))
        self.image = random_image(np.random.default_rng(seed), spec)
        self.plan = plan_run(self.image, Schedule(0, 1), 1, None, None, None)
        self.driver.load(self.image)
        self.driver.prepare(self.plan, 0)
        self.chain = Chain(self.plan, 0)


def test_clamp_masks_change_between_phases_without_a_reload():
    spec = made("torus")
    bench = Bench(spec)
    draw = np.random.default_rng(0)
    masks = draw.random((2, spec.n_sites)) < 0.4
    for mask in (0, 1):
        bench.driver.write_clamps(masks[mask], mask)
    bench.driver.start(RunSettings(((3, 1), (4, 0)), 5, 2, 2), phase_masks=(1, 0), mask=1)
    words = bench.driver.collect(5 * bench.driver._loading.sample_words)
    got = bench.driver._loading.samples(words.reshape(5, -1))
    expected = []
    for sweeps, level, mask in [(3, 1, 1), (4, 0, 0), *[(2, 2, 1)] * 4]:
        bench.chain.clamped = masks[mask].tolist()
        for _ in range(sweeps):
            bench.chain.sweep(level)
        expected.append(list(bench.chain.n))
    assert np.array_equal(got, np.array(expected[1:], dtype=bool))


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_a_slow_reader_loses_nothing(share):
    spec = made("torus")
    case = random_case(np.random.default_rng(7), "torus", 6000, spec)
    expected, cycles = states_of("reference", case), []
    for device in (RtlDevice(spec, ready=share, stall_seed=3), RtlDevice(spec)):
        device.load(case.image)
        run = device.run(case.schedule, replicas=case.replicas, init=case.init, clamp=case.clamp)
        assert np.array_equal(run.sites, expected)
        cycles.append(run.ledger.cycles)
    assert cycles[0] > cycles[1] if share == 0.02 else cycles[0] >= cycles[1]


def test_a_sweep_takes_its_slots():
    spec = made("torus")
    slots = layout_of(spec).n_slots
    device = open_device("rtl", spec)
    device.load(random_image(np.random.default_rng(0), spec))
    ledger = device.run(Schedule(500, 2, 500), replicas=1).ledger
    assert 1000 * slots <= ledger.cycles <= 1006 * slots


def test_abort_ends_a_run_with_its_round_and_the_next_starts_clean():
    spec = made("torus")
    bench = Bench(spec)
    driver = bench.driver
    driver.start(RunSettings(((10**6, 0),), 3, 1, 0))
    assert driver.read("STATUS") == rm.BUSY
    driver.abort()
    assert driver.read("STATUS") == rm.ABORTED
    swept = driver.read("SWEEPS")
    for _ in range(swept):
        bench.chain.sweep(0)
    driver.start(RunSettings((), 1, 1, 0))
    got = driver._loading.samples(driver.collect(driver._loading.sample_words)[None])
    driver._bus.wait()
    assert got[0].tolist() == [bool(bit) for bit in bench.chain.n], "states are those of the last whole sweep"
    driver.prepare(bench.plan, 0)
    samples, _ = driver.run(Schedule(3, 4))
    again = Chain(bench.plan, 0)
    for _ in range(3):
        again.sweep(0)
    for sample in samples:
        assert sample.tolist() == [bool(bit) for bit in again.n]
        again.sweep(0)


def test_locked_registers_are_refused_and_flagged_in_mid_run():
    spec = made("torus")
    bench = Bench(spec)
    driver = bench.driver
    driver.start(RunSettings(((200, 0),), 1, 1, 0))
    for name in ("ENTRIES", "TABLES", "SHIFT", "CLAMPS", "STATES", "SEED", "LEVEL", "STEPS", "SAMPLES", "PHASES",
                 "PHASE_SWEEPS", "PHASE_LEVEL", "PHASE_MASK", "MASK", "STREAM", "EXTRA"):  # fmt: skip
        driver.write(name, 1)
        assert driver.read("ERRORS") & rm.ERROR_BUSY, name
        driver.write("ERRORS", rm.ERROR_BUSY | rm.ERROR_VALUE)
    got = driver._loading.samples(driver.collect(driver._loading.sample_words)[None])
    for _ in range(200):
        bench.chain.sweep(0)
    assert got[0].tolist() == [bool(bit) for bit in bench.chain.n]


@pytest.mark.parametrize(
    "name, index, value, error",
    [
        ("LEVEL", 0, 4, rm.ERROR_VALUE), ("SHIFT", 0, 5, rm.ERROR_VALUE), ("PHASES", 0, 17, rm.ERROR_VALUE),
        ("PHASE_LEVEL", 3, 4, rm.ERROR_VALUE), ("MASK", 0, 2, rm.ERROR_VALUE), ("ID", 0, 1, rm.ERROR_ADDRESS),
    ],
)  # fmt: skip
def test_bad_writes_are_flagged_and_have_no_effect(name, index, value, error):
    driver = Bench(made("torus")).driver
    before = driver.read(name, index) if name not in ("PHASE_LEVEL",) else None
    driver.write(name, value, first=index)
    assert driver.read("ERRORS") == error
    if before is not None:
        assert driver.read(name, index) == before
    driver.write("ERRORS", 0xF)
    assert driver.read("ERRORS") == 0


def test_a_full_counter_is_flagged_and_counts_no_more():
    spec = made("torus", moment_bits=2)
    bench = Bench(spec)
    driver = bench.driver
    driver.write("CONTROL", rm.CLEAR_MOMENTS)
    driver.write("STREAM", 0)
    driver.start(RunSettings((), 5, 1, 0))
    driver._bus.wait()
    assert driver.read("ERRORS") == rm.ERROR_MOMENTS
    ones, _ = driver._loading.counters(driver)
    expected = np.zeros(spec.n_sites, dtype=int)
    for _ in range(3):
        expected += np.array(bench.chain.n)
        bench.chain.sweep(0)
    assert np.array_equal(ones, expected), "the first three samples are counted, no other"


def test_a_fabric_built_otherwise_is_told_apart():
    one, two = made("torus"), made("torus", elements=1)
    assert one.digest == two.digest
    driver = FabricDriver(one, CompiledFabric(build_library(two, "verilator")))
    with pytest.raises(DeviceError, match=r"^the fabric sweeps in \d+ clocks and counts moments in 0 bits, but the"):
        driver.check_identity()


def test_generators_states_carry_on_from_run_to_run():
    spec = made("torus")
    bench = Bench(spec)
    seen = [bench.driver.run(Schedule(2, 1))[0][0] for _ in range(4)]
    for state in seen:
        bench.chain.sweep(0)
        bench.chain.sweep(0)
        assert state.tolist() == [bool(bit) for bit in bench.chain.n]
    assert seed_words(generator(spec.rng), bench.plan.keys[0]).shape == (spec.n_sites, 2)


def test_a_neighbour_is_found_at_hundreds_of_distances():
    """Views of more taps than one clock chooses from take two, and spins can be read a slot later."""
    spec = fabric(networkx.random_regular_graph(3, 440, seed=1), architecture="systolic", levels=1, table_bits=4)
    layout = layout_of(spec)
    assert layout.most_taps > WIDE_TAPS and layout.latency == timing_of(layout).latency + 1
    device = RtlDevice(spec, optimise="-O0")
    case = random_case(np.random.default_rng(1), "random", 20_000, spec)
    device.load(case.image)
    run = device.run(case.schedule, replicas=case.replicas, init=case.init, clamp=case.clamp)
    assert np.array_equal(run.sites, states_of("reference", case))


@pytest.mark.parametrize("name", ["open, ragged", "a graph", "p-dits"])
def test_weights_are_built_in(name):
    """The same bits, with other tables and clamps too; nothing loads coefficients, and other ones are refused."""
    spec = made(name)
    case = random_case(np.random.default_rng(5), name, 4000, spec)
    device = RtlDevice(spec, image=case.image, optimise="-O0")
    registers = device._driver._map.names
    assert {"ENTRIES", "EXTRA", "FACTORS"}.isdisjoint(registers) and {"TABLES", "NEIGHBOURS"} < set(registers)
    tables = random_image(np.random.default_rng(6), spec).tables
    for image in (case.image, case.image.replace(tables=tables)):
        device.load(image)
        device.verify()
        run = device.run(case.schedule, replicas=case.replicas, init=case.init, clamp=case.clamp)
        assert np.array_equal(run.sites, states_of("reference", replace(case, image=image)))
    biases = case.image.biases.copy()
    biases[-1] ^= 1
    with pytest.raises(DeviceError, match=r"^this fabric has its biases built in, and entry \d+ is -?\d+ there but"):
        device.load(case.image.replace(biases=biases))
    bus = CompiledFabric(build_library(spec, "verilator", "-O0", case.image))
    with pytest.raises(DeviceError, match=r"^the fabric has them built in, but the driver was given no image"):
        FabricDriver(spec, bus).check_identity()
    with pytest.raises(DeviceError, match=r"^the fabric has others built in, but the driver was given an image"):
        FabricDriver(spec, bus, case.image.replace(biases=biases)).check_identity()
