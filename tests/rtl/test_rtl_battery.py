"""A battery that is quick to build and looks at everything a host can see: what mutants of the gateware must not pass.

Each fabric is small and compiled once, unoptimised; its bits, samples, counters, clocks, registers and errors are
compared with the reference and with what the register map promises.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from thermofab.hw.host import registers as rm
from thermofab.hw.host.architectures import loading_of
from thermofab.hw.host.driver import FabricDriver, RunSettings
from thermofab.hw.host.systolic.timing import layout_of
from thermofab.hw.spec import IDLE, Counts, DeviceError, RunPlan, Schedule, fabric, open_device, plan_run
from thermofab.hw.spec.clocks import sweep_clocks
from thermofab.sim.conformance import random_case, random_image, states_of
from thermofab.sim.reference import Chain
from thermofab.sim.rtl.build import build_library
from thermofab.sim.rtl.device import RtlDevice
from thermofab.sim.rtl.library import CompiledFabric

FABRICS = {
    "spatial, few lanes": fabric("g4-6x6-torus", elements=3, moment_bits=4, min_shift=1),
    "spatial, four colours": fabric(
        "king-3x4", levels=3, rng="lfsr32", moment_bits=6, weight_bits=5, bias_bits=6, table_bits=4
    ),
    "systolic, torus": fabric("g4-6x6-torus", architecture="systolic", moment_bits=4, min_shift=1),
    "systolic, four colours": fabric(
        "king-5x5", architecture="systolic", levels=3, rng="lfsr32", moment_bits=3, weight_bits=9, table_bits=4
    ),
    "dense, chunks": fabric("complete-20", architecture="dense", levels=3, moment_bits=4, min_shift=1, table_bits=5),
    "dense, parts": fabric(
        "king-5x7", architecture="dense", elements=9, levels=3, rng="lfsr32", moment_bits=4, weight_bits=9, table_bits=4
    ),
    "relay, tiles": fabric("king-5x5", architecture="relay", levels=3, moment_bits=4, min_shift=1, table_bits=5),
    "relay, private": fabric(
        "g4-4x4-torus", architecture="relay", tile=1, levels=3, rng="lfsr32", moment_bits=4, weight_bits=9, table_bits=4
    ),
}
PATIENCE = 1 << 19  # clocks
LOCKED = ("WEIGHTS", "BIASES", "ENTRIES", "EXTRA", "TABLES", "SHIFT", "CLAMPS", "STATES", "SEED", "LEVEL", "STEPS",
          "SAMPLES", "PHASES", "PHASE_SWEEPS", "PHASE_LEVEL", "PHASE_MASK", "MASK", "STREAM", "ORDER", "LAST",
          "BASES", "NEIGHBOURS")  # fmt: skip


@pytest.fixture(autouse=True)
def runs_end(monkeypatch):
    """A run that does not end fails its test instead of hanging it; those here take a small part of ``PATIENCE``."""

    def collect(bus: CompiledFabric, words: int) -> np.ndarray:
        out = np.empty(words, dtype=np.uint32)
        before = bus.clocks
        got = bus._library.thermofab_collect(bus._handle, out, words, PATIENCE)
        assert bus.clocks - before < PATIENCE, f"{got} of {words} words came in {PATIENCE} clocks"
        return out[:got]

    def wait(bus: CompiledFabric) -> None:
        assert bus._library.thermofab_wait(bus._handle, PATIENCE), f"still busy after {PATIENCE} clocks"

    monkeypatch.setattr(CompiledFabric, "collect", collect)
    monkeypatch.setattr(CompiledFabric, "wait", wait)


@pytest.fixture(params=FABRICS)
def name(request):
    return request.param


@cache
def library(name: str):
    return build_library(FABRICS[name], "verilator", "-O0")


class Rig:
    """A compiled fabric with an image in it, its driver, and the reference chain beside it."""

    def __init__(self, name: str, seed: int, ready: float = 1.0) -> None:
        self.spec = FABRICS[name]
        self.loading = loading_of(self.spec)
        self.bus = CompiledFabric(library(name), ready, seed)
        self.driver = FabricDriver(self.spec, self.bus)
        self.rng = np.random.default_rng(seed)
        self.driver.check_identity()
        self.load(random_image(self.rng, self.spec).replace(clamps=np.full(self.spec.n_sites, -1)))

    def load(self, image) -> None:
        self.plan: RunPlan = plan_run(image, Schedule(0, 1), 1, None, None, None)
        self.driver.load(image)
        self.driver.prepare(self.plan, 0)
        self.chain = Chain(self.plan, 0)

    def state(self) -> list[bool]:
        return [bool(bit) for bit in self.chain.n]

    def samples(self, count: int) -> np.ndarray:
        words = self.loading.sample_words
        return self.loading.samples(self.driver.collect(count * words).reshape(count, words))

    def expected(self, run: RunSettings, masks: np.ndarray, phase_masks, mask: int) -> np.ndarray:
        """What a run brings; the chain stands at its end afterwards."""
        for (sweeps, level), chosen in zip(run.phases, phase_masks):
            self.chain.clamped = masks[chosen].tolist()
            for _ in range(max(1, sweeps)):
                self.chain.sweep(level)
        self.chain.clamped, out = masks[mask].tolist(), []
        for sample in range(run.samples):
            for _ in range(max(1, run.steps) if sample else 0):
                self.chain.sweep(run.level)
            out.append(self.state())
        return np.array(out, dtype=bool).reshape(run.samples, self.spec.n_sites)

    def sweeps(self, run: RunSettings) -> int:
        return sum(max(1, n) for n, _ in run.phases) + max(0, run.samples - 1) * max(1, run.steps)


def shows_states(rig: Rig) -> bool:
    return rig.spec.architecture in ("spatial", "systolic")


@pytest.mark.parametrize("ready", [1.0, 0.2])
def test_bits(name, ready):
    """Random images and schedules, replicas, clamps and initial states, whatever the reader does."""
    spec = FABRICS[name]
    device = RtlDevice(spec, optimise="-O0", ready=ready, stall_seed=5)
    for seed in range(4):
        case = random_case(np.random.default_rng([seed, round(10 * ready)]), name, 3000, spec)
        if seed % 2:  # fields as far from zero as they get, on either side
            sign = seed - 2
            biases, weights = (
                np.full(spec.n_sites, sign * spec.bias_max),
                np.full(spec.topology.n_edges, spec.weight_max),
            )
            if (order := case.image.order) is not None:
                biases, weights = biases * (order.colours != IDLE), weights * np.sign(case.image.weights)
            case = replace(case, image=case.image.replace(biases=biases, weights=weights, shift=spec.min_shift))
        device.load(case.image)
        run = device.run(case.schedule, replicas=case.replicas, init=case.init, clamp=case.clamp)
        assert np.array_equal(run.sites, states_of("reference", case))


def test_moments(name):
    """Counted over more samples than a counter holds, with clamps and steps."""
    spec = FABRICS[name]
    device, reference = RtlDevice(spec, optimise="-O0"), open_device("reference", spec)
    for seed, schedule in enumerate((Schedule(3, 40, 2, anneal=((2, 1),)), Schedule(0, 9, 1))):
        image = random_image(np.random.default_rng(seed), spec)
        for running in (device, reference):
            running.load(image)
        counts = device.accumulate(schedule, replicas=2, seed=seed)
        expected = Counts.of(reference.run(schedule, replicas=2, seed=seed))
        assert np.array_equal(counts.ones, expected.ones) and np.array_equal(counts.both, expected.both)


def test_runs_follow_each_other(name):
    """Phases of every number and length, masks that change, steps and samples of zero: states carry on between runs,
    samples and counters of sweeps and clocks are right.
    """
    rig = Rig(name, 3)
    spec, levels = rig.spec, rig.spec.levels
    masks = rig.rng.random((2, spec.n_sites)) < 0.4
    for mask in (0, 1):
        rig.driver.write_clamps(masks[mask], mask)
    runs = [
        RunSettings((), 1, 1, 0),
        RunSettings(((2, 1), (0, 0), (3, 2)), 4, 2, 1),
        RunSettings((), 5, 0, 2),
        RunSettings(tuple((1 + k % 3, k % levels) for k in range(rm.PHASE_SLOTS)), 0, 1, 0),
        RunSettings((), 0, 3, 0),
        RunSettings(((1, 2),), 3, 3, 0),
    ]
    assert rig.driver.read("SWEEP_CLOCKS") == rig.loading.sweep_clocks
    clocks = sweep_clocks(rig.plan.image) if spec.programmed else rig.loading.sweep_clocks
    for k, run in enumerate(runs):
        phase_masks, mask = [j % 2 ^ k % 2 for j in range(len(run.phases))], k % 2
        rig.driver.start(run, phase_masks, mask)
        got = rig.samples(run.samples) if run.samples else np.zeros((0, spec.n_sites), bool)
        rig.bus.wait()
        assert np.array_equal(got, rig.expected(run, masks, phase_masks, mask)), run
        assert rig.driver.read("STATUS") == rm.DONE
        assert rig.driver.read("ERRORS") in (0, rm.ERROR_MOMENTS)  # nobody clears the counters here
        swept = rig.sweeps(run)
        assert rig.driver.read("SWEEPS") == swept
        assert rig.driver.read("CYCLES", 1) == 0
        if shows_states(rig):
            assert rig.driver.read_states().tolist() == rig.state()
        spent = rig.driver.read("CYCLES") - rig.driver.read("STALLS")
        if spec.architecture == "spatial":
            assert swept * clocks <= spent <= swept * clocks + 2 * rig.loading.sample_words + 4
            if swept:
                assert rig.driver.read("STALLS") == 0
        elif spec.architecture == "dense":
            assert swept * clocks <= spent <= swept * clocks + 2 * rig.loading.sample_words + 15
            assert rig.driver.read("STALLS") == 0
        else:
            assert swept * clocks <= spent <= (swept + 5) * clocks + 32  # loads, ends and drains take rounds


def test_a_stalled_run_counts_its_stalls(name):
    """With a slow reader the run takes longer by the stalls and by no more than the last read-out."""
    # A sweep of a dense fabric takes a clock per site and more: only a slower reader holds it up.
    rig, quick = Rig(name, 4, ready=1 / 256 if "dense" in name else 0.02), Rig(name, 4)
    run = RunSettings((), 20, 1, 1)
    took = []
    for each in (rig, quick):
        each.driver.start(run)
        each.samples(20)
        each.bus.wait()
        took.append((each.driver.read("CYCLES"), each.driver.read("STALLS")))
    assert took[0][0] > took[1][0] and took[0][1] > took[1][1]
    words = rig.loading.sample_words
    assert took[0][0] - took[0][1] >= took[1][0] - took[1][1]
    assert took[0][0] - took[0][1] <= took[1][0] - took[1][1] + 2 * words * 1000 + 4 * rig.driver.read("SWEEP_CLOCKS")


@pytest.mark.parametrize("idle_clocks", [0, 1, 7, 20, 61, 150])
def test_abort(name, idle_clocks):
    """In phases, in samples and while idle: whole sweeps are done, nothing is left of the read-out, and the next run
    carries on from there.
    """
    rig = Rig(name, 5)
    masks = np.zeros((2, rig.spec.n_sites), dtype=bool)
    for run in (RunSettings(((10**6, 1),), 3, 1, 0), RunSettings((), 10**6, 1, 0)):
        rig.driver.start(run)
        for _ in range(idle_clocks // 3):
            rig.bus.read(0)
        rig.driver.write("CONTROL", rm.ABORT)
        rig.bus.wait()
        assert rig.driver.read("STATUS") == rm.ABORTED
        for _ in range(rig.driver.read("SWEEPS")):
            rig.chain.sweep(run.phases[0][1] if run.phases else 0)
        if shows_states(rig):
            assert rig.driver.read_states().tolist() == rig.state(), "an aborted run has done whole sweeps"
        after = RunSettings(((2, 1),), 2, 1, 0)
        rig.driver.start(after)
        assert np.array_equal(rig.samples(2), rig.expected(after, masks, [0], 0))
        rig.bus.wait()
        assert rig.driver.read("STATUS") == rm.DONE
        assert len(rig.bus.collect(3)) == 0, "no word is left over"
        rig.driver.write("CONTROL", rm.ABORT)
        assert rig.driver.read("STATUS") == rm.DONE, "an abort while idle changes nothing"
    rig.driver.write("CONTROL", rm.START | rm.ABORT)
    assert not rig.driver.read("STATUS") & rm.BUSY, "an abort wins over a start"


def test_abort_of_a_run_that_waits_for_its_reader_only(name):
    """All is swept and the last sample taken, but not read: an abort still makes it an aborted run."""
    rig, run = Rig(name, 6, ready=1 / 256), RunSettings((), 1, 1, 0)
    rig.driver.start(run)
    rig.samples(1)
    rig.bus.wait()
    assert rig.driver.read("STATUS") == rm.DONE
    rig.driver.start(run)
    for _ in range(8 * rig.spec.topology.n_colours):
        rig.bus.read(0)
    assert rig.driver.read("STATUS") & rm.BUSY and rig.driver.read("SWEEPS") == 0
    rig.driver.write("CONTROL", rm.ABORT)
    rig.bus.wait()
    assert rig.driver.read("STATUS") == rm.ABORTED


def test_locked_registers_do_not_change_in_mid_run(name):
    """Each is flagged, and neither this run nor the next with the same image differs."""
    rig = Rig(name, 6)
    masks = np.zeros((2, rig.spec.n_sites), dtype=bool)
    names = [n for n in LOCKED if n in rig.loading.map.names]
    run = RunSettings(((400, 1), (1, 0)), 2, 2, 2)
    rig.driver.start(run)
    for locked in names:
        register = rig.loading.map[locked]
        assert register.locked
        for index in {0, register.count - 1}:
            rig.driver.write(locked, 1, first=index)
            assert rig.driver.read("ERRORS") & rm.ERROR_BUSY, locked
            rig.driver.write("ERRORS", 0xF)
            assert rig.driver.read("ERRORS") == 0
    for asked in (rm.START, rm.START | rm.CLEAR_MOMENTS):
        rig.driver.write("CONTROL", asked)
        assert rig.driver.read("ERRORS") == rm.ERROR_BUSY
        rig.driver.write("ERRORS", rm.ERROR_BUSY)
    assert rig.driver.read("STATUS") == rm.BUSY, "all of this was in mid-run"
    assert np.array_equal(rig.samples(2), rig.expected(run, masks, [0, 0], 0))
    rig.bus.wait()
    rig.driver.start(run)
    assert np.array_equal(rig.samples(2), rig.expected(run, masks, [0, 0], 0)), "and the next run is right too"


def test_registers(name):
    """What can be read back reads back at both ends of its range; what is out of range is refused and flagged; other
    addresses and directions are flagged.
    """
    rig = Rig(name, 7)
    driver, spec = rig.driver, rig.spec
    ranges = {
        "SHIFT": (spec.min_shift, spec.dither_bits), "PHASES": (0, 16), "SAMPLES": (0, 2**32 - 1),
        "STEPS": (0, 2**32 - 1), "LEVEL": (0, spec.levels - 1), "MASK": (0, 1), "STREAM": (1, 0),
    }  # fmt: skip
    for register, (first, last) in ranges.items():
        for value in (first, last):
            driver.write(register, value)
            assert driver.read(register) == value, register
        high = max(first, last)
        for beyond in (high + 1, 2**31) if high < 2**32 - 1 else ():
            driver.write(register, beyond)
            assert (driver.read(register), driver.read("ERRORS")) == (last, rm.ERROR_VALUE), register
            driver.write("ERRORS", rm.ERROR_VALUE)
    if spec.min_shift:
        driver.write("SHIFT", spec.min_shift - 1)
        assert (driver.read("SHIFT"), driver.read("ERRORS")) == (spec.dither_bits, rm.ERROR_VALUE)
        driver.write("ERRORS", rm.ERROR_VALUE)
    for register, bad in (("PHASE_LEVEL", spec.levels), ("PHASE_MASK", 2)):
        driver.write(register, bad, first=3)
        assert driver.read("ERRORS") == rm.ERROR_VALUE
        driver.write("ERRORS", rm.ERROR_VALUE)
    taken = {r.base + k: r for r in rig.loading.map.registers for k in range(r.count)}
    for address in range(2**rig.loading.map.address_bits if len(taken) < 600 else 0):
        register = taken.get(address)
        rig.bus.read(address)
        can_read = register is not None and register.access != "W"
        assert driver.read("ERRORS") == (0 if can_read else rm.ERROR_ADDRESS), (address, register)
        driver.write("ERRORS", 0xF)
    for register in rig.loading.map.registers:
        if register.constant is not None:
            assert [driver.read(register.name, k) for k in range(register.count)] == list(register.constant)
            driver.write(register.name, 1)
            assert driver.read("ERRORS") == rm.ERROR_ADDRESS
            driver.write("ERRORS", rm.ERROR_VALUE)
            assert driver.read("ERRORS") == rm.ERROR_ADDRESS, "an error stays until a one is written to its bit"
            driver.write("ERRORS", rm.ERROR_ADDRESS)
    holes = [address for address in range(max(taken)) if address not in taken]
    for address in (holes[0], holes[-1]):
        assert rig.bus.read(address) == 0 and driver.read("ERRORS") == rm.ERROR_ADDRESS
        driver.write("ERRORS", 0xF)
        rig.bus.write([address], [1])
        assert driver.read("ERRORS") == rm.ERROR_ADDRESS
        driver.write("ERRORS", 0xF)
    # An entry of a systolic fabric's has a bit for every element.
    bits = 2 ** layout_of(spec).n_elements if spec.architecture == "systolic" else 16
    arrays = (
        "NEIGHBOURS",
        "WEIGHTS",
        "BIASES",
        "TABLES",
        "CLAMPS",
        "STATES",
        "PHASE_SWEEPS",
        "PHASE_LEVEL",
        "PHASE_MASK",
    )
    readable = [n for n in arrays if n in rig.loading.map.names and rig.loading.map[n].access == "RW"]
    for register in readable:
        count = rig.loading.map[register].count
        top = {"PHASE_LEVEL": spec.levels, "PHASE_MASK": 2, "WEIGHTS": 8, "BIASES": 8, "TABLES": 2**spec.threshold_bits,
               "CLAMPS": bits, "STATES": bits, "NEIGHBOURS": 16}.get(register, 2**32)  # fmt: skip
        values = rig.rng.integers(1, top, count)
        driver.write(register, values)
        assert [driver.read(register, k) for k in range(count)] == values.tolist(), register
    assert driver.read("ERRORS") == 0


@pytest.mark.parametrize("name", [name for name in FABRICS if name.startswith(("spatial", "systolic"))])
def test_what_was_loaded_is_read_back(name):
    """Images at both ends of their ranges; then one weight, bias or table entry that is not the fabric's."""
    rig = Rig(name, 9)
    spec, image = rig.spec, rig.plan.image
    rig.driver.verify(image)
    assert rig.driver.read_states().tolist() == rig.state()
    for sign in (-1, 1):
        weights = np.full(spec.topology.n_edges, sign * spec.weight_max)
        image = image.replace(weights=weights, biases=np.full(spec.n_sites, -sign * spec.bias_max))
        rig.driver.load(image)
        rig.driver.verify(image)
    for part in ("weights", "biases", "tables"):
        values = np.array(getattr(image, part))
        values.reshape(-1)[-1] += 1 if values.reshape(-1)[-1] < 0 else -1
        with pytest.raises(DeviceError, match="was loaded; load again, and look at the link or the part if it stays"):
            rig.driver.verify(image.replace(**{part: values}))
    rig.driver.verify(image)


def test_a_full_counter(name):
    """A counter that is full is flagged, and a clear empties it."""
    rig = Rig(name, 8)
    most = 2**rig.spec.moment_bits - 1
    rig.load(rig.plan.image.replace(clamps=np.ones(rig.spec.n_sites), order=None))
    rig.driver.write("STREAM", 0)
    for clear, samples, counted, errors in ((1, most, most, 0), (0, 1, most, rm.ERROR_MOMENTS), (1, 2, 2, 0)):
        if clear:
            rig.driver.write("CONTROL", rm.CLEAR_MOMENTS)
        rig.driver.start(RunSettings((), samples, 1, 0))
        rig.bus.wait()
        assert rig.driver.read("ERRORS") == errors
        rig.driver.write("ERRORS", rm.ERROR_MOMENTS)
        ones, both = rig.loading.counters(rig.driver)
        assert set(ones.tolist()) == {counted} and set(both.tolist()) == {counted}
