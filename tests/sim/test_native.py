"""The native kernel: the reference's bits whatever the threads, the blocks, the widths and the form."""

import signal
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from thermofab.hw.spec import DeviceError, Image, Schedule, ToolMissingError, Topology, fabric, open_device, registry
from thermofab.sim import toolchain
from thermofab.sim.conformance import Case, last_bit_case, random_image, states_of
from thermofab.sim.holding import simulator
from thermofab.sim.native import library
from thermofab.sim.native.build import build_library, is_narrow
from thermofab.sim.native.sites import site_layout

BLOCKS = [pytest.param(False, id="fastest"), pytest.param(True, id="plain")]
WIDE = {"weight_bits": 14, "bias_bits": 20}
FINE = {"profile": "fine"}
SCHEDULE = Schedule(3, 4, 2, ((2, 1), (1, 3)), 2)


def native(image: Image, replicas: int, schedule: Schedule = SCHEDULE, clamp=None, init=None, **options) -> np.ndarray:
    device = open_device("native", image.fabric, **options)
    device.load(image)
    return device.run(schedule, replicas=replicas, clamp=clamp, init=init).sites


def reference(image: Image, replicas: int, schedule: Schedule = SCHEDULE, clamp=None, init=None) -> np.ndarray:
    return states_of("reference", Case("", image, schedule, replicas, init, clamp))


@pytest.mark.parametrize("plain", BLOCKS)
@pytest.mark.parametrize(
    "spec",
    [
        fabric("g8-5x9"),
        fabric("king-6x6-torus", **WIDE),
        fabric("g4-5x5", **FINE),
        fabric("g4-4x4-torus", **FINE, **WIDE),
        fabric("chimera-2", table_bits=3, threshold_bits=9),
        fabric("g4-6x6-torus", table_bits=11),
        fabric("cubic-3x4x5", rng="lfsr32"),
        fabric("g4-7x3", rng="xoshiro128+"),
        fabric("king-4x4", rng="xoshiro128+", **FINE),
        fabric("complete-9", dither_bits=0, min_shift=0),
        fabric(Topology.from_edges("no edges", 5, [])),
    ],
    ids=lambda spec: f"{spec.topology.name}-{spec.rng}-{spec.word_bits}-{'narrow' if is_narrow(spec) else 'wide'}",
)
def test_many_replicas_have_the_bits_of_the_reference(spec, plain):
    """70 replicas fill no block; the first and the last of them, and one alone, are run by the reference."""
    rng = np.random.default_rng(spec.n_sites)
    image = random_image(rng, spec)
    clamp = np.where(rng.random(spec.n_sites) < 0.2, rng.integers(0, 2, (70, spec.n_sites)), -1)
    init = rng.random((70, spec.n_sites)) < 0.5
    got = native(image, 70, clamp=clamp, init=init, plain=plain)
    assert np.array_equal(got[:3], reference(image, 3, clamp=clamp[:3], init=init[:3]))
    drawn = native(image, 70, plain=plain)
    expected = reference(image, 70)
    assert np.array_equal(drawn, expected)
    assert np.array_equal(native(image, 1, plain=plain), expected[:1])


@pytest.mark.parametrize("plain", BLOCKS)
@pytest.mark.parametrize("widths", [FINE, {**FINE, **WIDE}, {}, {"threshold_bits": 16, "dither_bits": 0}])
@pytest.mark.parametrize("replicas", [1, 70])
def test_every_bit_of_a_threshold_is_compared(replicas, widths, plain):
    """Red if a form of the kernel (sites or replicas in lanes, vectors or not, either width of word and field) drops
    a bit of a threshold or of the word compared with it."""
    case = last_bit_case(fabric("g8-10x10-torus", **widths), seed=1)
    got = native(case.image, replicas, case.schedule, init=case.init, plain=plain)
    assert np.array_equal(got[0, 0], np.arange(100) % 2 == 1)


@pytest.mark.parametrize("one_by_one", [0, library.FEW_ON_A_LATTICE])
def test_bits_depend_neither_on_threads_nor_on_blocks(one_by_one, monkeypatch):
    monkeypatch.setattr(library, "FEW_ON_A_LATTICE", one_by_one)
    image = random_image(np.random.default_rng(1), fabric("g8-10x10-torus"))
    expected = native(image, 300, threads=1, plain=True)
    for threads in (1, 2, 3, 7):
        assert np.array_equal(native(image, 300, threads=threads), expected)
    for replicas in (1, 2, 31, 32, 33, 64, 65, 129):
        assert np.array_equal(native(image, replicas, threads=2), expected[:replicas])


@pytest.mark.parametrize("plain", BLOCKS)
@pytest.mark.parametrize(
    "name", ["g12-70x70-torus", "z1-30x41", "g24-44x46", "cubic-4x6x8-torus", "chimera-3x5", "pegasus-3"]
)
def test_sites_in_lanes_have_the_bits_of_replicas_in_lanes(name, plain, monkeypatch):
    """On lattices larger than the reference has time for."""
    spec = fabric(name)
    assert site_layout(spec.topology) is not None
    image, schedule = random_image(np.random.default_rng(2), spec), Schedule(20, 5, 3)
    one_by_one = native(image, 2, schedule, plain=plain)
    monkeypatch.setattr(library, "FEW_ON_A_LATTICE", 0)
    assert np.array_equal(one_by_one, native(image, 2, schedule, plain=plain))


def test_everything_clamped():
    image = random_image(np.random.default_rng(4), fabric("g4-3x3"))
    clamp = np.random.default_rng(5).integers(0, 2, (40, 9))
    for replicas in (1, 40):
        got = native(image, replicas, clamp=clamp[:replicas])
        assert np.array_equal(got, np.repeat(clamp[:replicas, None].astype(bool), SCHEDULE.n_samples, axis=1))


def test_neither_image_nor_topology_nor_schedule_recompiles(monkeypatch):
    spec = fabric("king-4x4")
    path = build_library(spec)

    def refuse(*_):
        raise AssertionError("compiled again")

    monkeypatch.setattr(toolchain.subprocess, "run", refuse)
    rng = np.random.default_rng(6)
    for name in ("king-4x4", "g8-6x6", "complete-7"):
        other = fabric(name)
        assert build_library(other) == path
        native(random_image(rng, other), 3, Schedule(2, 5, 3))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs interval timers")
@pytest.mark.parametrize("replicas", [1, 100])
def test_a_run_can_be_interrupted(replicas):
    """A signal handler's exception leaves the call at once, and the device works on."""
    image = random_image(np.random.default_rng(7), fabric("g4-8x8"))
    device = open_device("native", image.fabric)
    device.load(image)

    def interrupt(*_):
        raise InterruptedError

    chains = simulator(device, "this test").start(replicas=replicas)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(InterruptedError):
            chains.advance(((10**12, 0),))
        with pytest.raises(
            DeviceError, match=r"^these chains were interrupted in mid-run, so their state is lost; start"
        ):
            chains.advance(((1, 0),))
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(InterruptedError):
            device.run(Schedule(10**12, 1), replicas=replicas)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert np.array_equal(device.run(SCHEDULE, replicas=1).sites, reference(image, 1))


def test_more_samples_than_a_counter_holds_are_refused_before_the_run(monkeypatch):
    monkeypatch.setattr(library, "MOST_COUNTED", 10)
    device = simulator(open_device("native", fabric("g4-2x2")), "this test")
    device.load(random_image(np.random.default_rng(7), fabric("g4-2x2")))
    with pytest.raises(DeviceError, match=r"^at most 10 samples are counted at a time, got 11\.$"):
        device.accumulate(Schedule(0, 11))


def test_builds_differ_by_processor(monkeypatch):
    from thermofab.sim.native import build

    named = []
    monkeypatch.setattr(build, "made_once", lambda name, _: named.append(name) or build.HERE)
    for processor in ("one", "another", "one"):
        monkeypatch.setattr(build, "processor", lambda processor=processor: processor)
        build.build_library(fabric("g4-3x3"))
    assert named[0] == named[2] != named[1]


def test_a_missing_compiler_is_named_before_any_work(monkeypatch, tmp_path):
    monkeypatch.setenv("THERMOFAB_CACHE", str(tmp_path))
    monkeypatch.setattr(toolchain.shutil, "which", lambda _: None)
    toolchain.find_compiler.cache_clear()
    try:
        with pytest.raises(ToolMissingError, match=r"needs the C\+\+ compiler g\+\+.*apt install g\+\+$"):
            open_device("native", fabric("g4-3x3"))
    finally:
        toolchain.find_compiler.cache_clear()
    assert not list(tmp_path.iterdir())


def test_a_generator_without_a_native_form_is_named(monkeypatch):
    renamed = EntryPoint("of-mine", "thermofab.hw.rng.lfsr64:LFSR64", registry.GENERATORS)
    monkeypatch.setitem(registry._known(registry.GENERATORS), renamed.name, renamed)
    with pytest.raises(DeviceError, match=r"^the generator 'of-mine' has no native form; those"):
        open_device("native", fabric("g4-3x3", rng="of-mine"))


@pytest.mark.parametrize("threads", [0, -1, 1.5, True])
def test_threads_must_be_a_positive_integer(threads):
    with pytest.raises(DeviceError, match=r"^threads must be an integer of at least 1, got "):
        open_device("native", fabric("g4-3x3"), threads=threads)
