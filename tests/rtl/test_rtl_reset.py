"""Reset in mid-run: whatever it interrupts, for however long, the next run has the bits of a fabric just built."""

from collections.abc import Callable, Iterable

import networkx
import numpy as np
import pytest

from thermofab.hw.host import registers as rm
from thermofab.hw.host.architectures import loading_of
from thermofab.hw.host.driver import FabricDriver, split_schedule
from thermofab.hw.rng.base import seed_words
from thermofab.hw.spec import FabricSpec, Schedule, fabric, generator, open_device, plan_run
from thermofab.sim.conformance import random_image
from thermofab.sim.rtl.build import build_library
from thermofab.sim.rtl.library import CompiledFabric

# A run of which resets hit every clock: phases, samples, and sweeps between them.
SCHEDULE = Schedule(2, 3, 2, ((2, 0),))
LENGTHS = (1, 2, 3, 5, 20)
LIMIT = 20_000  # clocks, far more than a run takes


def irregular() -> FabricSpec:
    graph = networkx.random_geometric_graph(14, 0.4, seed=3)
    return fabric(networkx.Graph(graph.edges), architecture="systolic", elements=2)


FABRICS = {
    "systolic": fabric("g4-4x4-torus", architecture="systolic", moment_bits=12),
    "systolic, irregular": irregular(),
    "spatial": fabric("king-3x3", moment_bits=12),
    "relay": fabric("g4-3x3", architecture="relay", moment_bits=12),
    "dense": fabric("complete-8", architecture="dense"),
}


class Limited(CompiledFabric):
    """A bus whose waits end: a wedged fabric fails a test instead of holding it up for ever."""

    def collect(self, words: int) -> np.ndarray:
        out = np.empty(words, dtype=np.uint32)
        return out[: self._library.thermofab_collect(self._handle, out, words, LIMIT)]

    def wait(self) -> None:
        assert self._library.thermofab_wait(self._handle, LIMIT), f"busy for {LIMIT} clocks"


class Bench:
    """A compiled fabric with an image, and what its run should give."""

    def __init__(self, spec: FabricSpec) -> None:
        self.spec, rng = spec, np.random.default_rng(7)
        self.image = random_image(rng, spec)
        self.plan = plan_run(self.image, SCHEDULE, 1, None, None, 5)
        reference = open_device("reference", spec)
        reference.load(self.image)
        self.wanted = reference.run(SCHEDULE, seed=5).sites[0]
        self.bus = Limited(build_library(spec, "cxxrtl"))
        self.driver = FabricDriver(spec, self.bus)

    def begin(self) -> None:
        self.driver.load(self.image)
        self.driver.prepare(self.plan, 0)

    def whole_run(self) -> np.ndarray:
        self.begin()
        return self.driver.run(SCHEDULE)[0]

    def started(self) -> None:
        self.begin()
        self.driver.write("STREAM", 1)
        (part,) = split_schedule(SCHEDULE)
        self.driver.start(part)

    def clocks(self) -> int:
        """Of a run, from its start to the last word; more than its counter shows, which leaves out what precedes it."""
        self.started()
        before = self.bus.clocks
        self.bus.collect(SCHEDULE.n_samples * loading_of(self.spec).sample_words)
        self.bus.wait()
        return self.bus.clocks - before

    def interrupted(self, offset: int, length: int, ready: bool) -> None:
        """Begin a run and reset it so many clocks later."""
        self.started()
        self.bus.idle(offset, ready)
        self.bus.reset(length)


def resets(bench: Bench, lengths: Callable[[int], Iterable[int]]) -> int:
    """Reset at every clock of a run, and of the forty after it, for the lengths given; how many resets that was."""
    assert np.array_equal(bench.whole_run(), bench.wanted)
    tried = 0
    for offset in range(bench.clocks() + 40):
        for length in lengths(offset):
            bench.interrupted(offset, length, ready=(offset + length) % 3 != 0)
            where = f"after a reset of {length} clocks, {offset} after the start"
            assert not bench.driver.read("STATUS") & rm.BUSY, f"busy {where}"
            assert np.array_equal(bench.whole_run(), bench.wanted), f"other bits {where}"
            tried += 1
    return tried


@pytest.mark.parametrize("name", FABRICS)
def test_a_reset_at_any_clock_of_a_run_leaves_nothing_behind(name):
    assert resets(Bench(FABRICS[name]), lambda offset: (LENGTHS[offset % len(LENGTHS)],)) > 80


@pytest.mark.parametrize("name", FABRICS)
def test_an_abort_at_any_clock_of_a_run_leaves_nothing_behind(name):
    """Nor the sweeps already counted of a phase, or towards a sample: the next run has as many as it asks for."""
    bench = Bench(FABRICS[name])
    for offset in range(0, bench.clocks() + 10, 3):
        bench.started()
        bench.bus.idle(offset, ready=offset % 2 == 0)
        bench.driver.abort()
        assert np.array_equal(bench.whole_run(), bench.wanted), f"other bits after an abort {offset} after the start"


@pytest.mark.parametrize("rng", ["lfsr64", "xoshiro128+"])
def test_an_abort_forgets_the_part_of_a_seed_that_was_written(rng):
    """Words of a generator's state are written one by one; what was begun must not shift what comes next."""
    bench = Bench(fabric("king-3x3", moment_bits=12, rng=rng))
    states = seed_words(generator(rng), bench.plan.keys[0])
    addresses, data = bench.driver._loading.seeds(states)
    for words in (1, states.shape[1] - 1, len(data) - 1):
        bench.begin()
        bench.bus.write(addresses[:words], data[:words] ^ 0x5A5A5A5A)
        bench.driver.abort()
        assert np.array_equal(bench.whole_run(), bench.wanted), f"after {words} words of the seeds"


@pytest.mark.soak
@pytest.mark.parametrize("spec", [*FABRICS.values(), fabric("g4-8x8-torus", architecture="systolic")], ids=str)
def test_resets_of_1_to_20_clocks_at_every_clock_of_a_run(spec, record_property):
    tried = resets(Bench(spec), lambda offset: range(1, 21))
    record_property("resets", tried)
    print(f"{spec}: {tried} resets")
