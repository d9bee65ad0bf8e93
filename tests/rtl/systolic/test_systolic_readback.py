"""What a systolic fabric shows of itself: states, clamps, coefficients and tables; and that looking changes nothing."""

# Amaranth makes its context managers and interface members at run time; a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import numpy as np
import pytest
from amaranth.sim import Simulator

from tests.rtl.systolic.test_systolic_device import Bench, made
from thermofab.hw.host import registers as rm
from thermofab.hw.host.driver import RunSettings
from thermofab.hw.host.systolic.registers import DUMP, DUMP_FIELDS, DUMP_TABLES, systolic_register_map
from thermofab.hw.rtl.systolic.top import SystolicTop
from thermofab.hw.spec import DeviceError, Schedule, fabric

SPEC = made("torus", moment_bits=4)


def bits_of(chain) -> list[bool]:
    return [bool(bit) for bit in chain.n]


def test_states_are_those_of_the_last_sweep_written_or_swept():
    """Loaded, after a run, after an abort, and after a write of one word that leaves all others as they are."""
    bench = Bench(SPEC, optimise="-O0")
    driver = bench.driver
    assert driver.read_states().tolist() == bits_of(bench.chain), "as loaded, before any run"
    driver.run(Schedule(3, 2))
    for _ in range(4):
        bench.chain.sweep(0)
    assert driver.read_states().tolist() == bits_of(bench.chain)
    driver.start(RunSettings(((10**6, 0),), 0, 1, 0))
    assert driver.read("STATUS") == rm.BUSY
    driver.abort()
    for _ in range(driver.read("SWEEPS")):
        bench.chain.sweep(0)
    assert driver.read_states().tolist() == bits_of(bench.chain)
    slot = int(driver._loading._layout.slot_of[0])  # of all sites in this slot, the states are turned over
    driver.write("STATES", driver.read("STATES", slot) ^ 0x7, first=slot)
    for site in driver._loading._layout.sites[:, slot]:
        bench.chain.n[site] ^= 1
    assert driver.read_states().tolist() == bits_of(bench.chain)
    samples, _ = driver.run(Schedule(0, 2))
    assert samples[0].tolist() == bits_of(bench.chain), "the next run begins with what was read"
    bench.chain.sweep(0)
    assert samples[1].tolist() == driver.read_states().tolist() == bits_of(bench.chain)


@pytest.mark.parametrize("clocks", [1, 2, 17])
def test_a_reset_leaves_what_was_loaded_and_a_run_begins_with_the_states_that_are_read(clocks):
    bench = Bench(SPEC, optimise="-O0")
    driver, bus = bench.driver, bench.driver._bus
    for which in (None, DUMP_FIELDS, DUMP_TABLES, DUMP):
        for wait in (3, 40, 111):
            if which is None:
                driver.start(RunSettings(((10**6, 1),), 0, 1, 0))
            else:
                driver.write("CONTROL", which)
            bus.idle(wait, ready=False)
            bus.reset(clocks)
            assert driver.read("STATUS") == 0
            driver.verify(bench.image)
            read = driver.read_states()
            samples, _ = driver.run(Schedule(0, 1))
            assert np.array_equal(samples[0], read)


@pytest.mark.parametrize("which", [DUMP, DUMP_FIELDS, DUMP_TABLES])
def test_an_aborted_read_out_leaves_nothing_behind(which):
    """At every offset of its first clocks, whether or not anybody reads: the next read-out and the next run are
    whole."""
    bench = Bench(SPEC, optimise="-O0")
    driver, bus = bench.driver, bench.driver._bus
    for wait in range(0, 40, 1):
        driver.write("CONTROL", which)
        assert driver.read("STATUS") & rm.BUSY
        bus.idle(wait, ready=bool(wait % 2))
        driver.write("CONTROL", rm.ABORT)
        bus.idle(8, ready=False)
        assert not driver.read("STATUS") & rm.BUSY, wait
        assert len(bus.collect(1)) == 0, "no word is left over"
        if wait % 8 == 0:
            driver.verify(bench.image)
            assert driver.run(Schedule(0, 1))[0][0].tolist() == bits_of(bench.chain)


def test_a_read_out_changes_nothing_and_is_refused_in_a_run():
    bench, twin = Bench(SPEC, optimise="-O0"), Bench(SPEC, optimise="-O0")
    driver = bench.driver
    for _ in range(3):
        driver.verify(bench.image)
        driver.read_states()
        assert np.array_equal(driver.run(Schedule(2, 3))[0], twin.driver.run(Schedule(2, 3))[0])
    driver.start(RunSettings(((300, 0),), 1, 1, 0))
    for which in (DUMP_FIELDS, DUMP_TABLES, DUMP):
        driver.write("CONTROL", which)
        assert driver.read("ERRORS") == rm.ERROR_BUSY
        driver.write("ERRORS", rm.ERROR_BUSY)
    looked = [driver.read(name, k) for name in ("STATES", "CLAMPS") for k in range(driver._map["STATES"].count)]
    assert driver.read("STATUS") == rm.BUSY and not any(looked), "states and clamps are read between runs"
    got = driver._loading.samples(driver.collect(driver._loading.sample_words)[None])
    expected = twin.driver.run(Schedule(300, 1))[0]
    assert np.array_equal(got, expected)
    driver._bus.wait()
    assert driver.read("ERRORS") == 0 and np.array_equal(driver.read_states(), expected[0])


def test_a_partial_or_wrong_load_is_found_and_its_place_named():
    bench = Bench(SPEC, optimise="-O0")
    driver, layout = bench.driver, bench.driver._loading._layout
    for name, match in (
        ("ENTRIES", r"^input \d+ of site 5 has the weight"),
        ("TABLES", r"^entry 7 of table memory 0 is"),
    ):
        entry = 7
        if name == "ENTRIES":
            writes = list(driver._loading.image(bench.image))
            lanes = 2  # four weights of 8 bits, and a bias
            entry = (
                int(layout.element_of[5]) * 2 ** (layout.n_slots - 1).bit_length() + int(layout.slot_of[5])
            ) * lanes
            data = {int(a): int(d) for where, what in writes for a, d in zip(where, what)}
            driver.write(name, data[driver._map[name].at(entry)] ^ 2, first=entry)
        else:
            driver.write(name, int(bench.image.tables.reshape(-1)[entry]) ^ 1, first=entry)
        with pytest.raises(DeviceError, match=match):
            driver.verify(bench.image)
        driver.load(bench.image)
        driver.verify(bench.image)


@pytest.mark.parametrize("name", ["p-dits", "p-dits of three bits"])
def test_every_word_of_a_factor_is_read_back(name):
    """One word of a factor memory changed at a time: of other slots, factors and states."""
    spec = made(name)
    bench = Bench(spec)
    driver, image = bench.driver, bench.image
    driver.verify(image)
    for entry in np.random.default_rng(1).choice(len(image.factors), 12, replace=False).tolist():
        factors = image.factors.copy()
        factors[entry] += 1 if factors[entry] < 0 else -1
        with pytest.raises(DeviceError, match="was loaded; load again, and look at the link or the part if it stays"):
            driver.verify(image.replace(factors=factors))
        driver.load(image.replace(factors=factors))
        driver.verify(image.replace(factors=factors))
    with pytest.raises(DeviceError, match=r"^(factor \d of site \d+ adds|site \d+ has the bias)"):
        driver.verify(image)


def test_many_inputs_are_read_one_by_one():
    """More than the bits of a word."""
    bench = Bench(fabric("complete-35", architecture="systolic", levels=1, table_bits=4), optimise="-O0")
    assert bench.driver._map["NEIGHBOURS"].count == 2
    bench.driver.verify(bench.image)


def test_a_read_sees_the_write_of_the_clock_before():
    """STATES and CLAMPS live in a memory that is told never to be read in the clock that writes it."""
    spec = fabric("g4-4x4-torus", architecture="systolic", levels=1, table_bits=2, dither_bits=1)
    top, map_ = SystolicTop(spec), systolic_register_map(spec)

    async def bench(context):
        await context.tick().repeat(5)
        for name, value in (("STATES", 3), ("CLAMPS", 2), ("CLAMPS", 1), ("STATES", 0), ("STATES", 1)):
            context.set(top.bus_address, map_[name].at(5))
            context.set(top.bus_write, 1)
            context.set(top.bus_write_data, value)
            await context.tick()
            context.set(top.bus_write, 0)
            context.set(top.bus_read, 1)
            await context.tick()
            context.set(top.bus_read, 0)
            await context.tick()
            for _ in range(3):  # and the data stay
                assert context.get(top.bus_read_data) == value
                await context.tick()

    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
