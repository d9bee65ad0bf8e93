"""Power-up: whatever registers and memories hold, a clock of reset and a load by the driver give the reference's bits.

Emitted Verilog has first values for all of them; here they are taken out, or others are put in their place.
"""

import random
import re
import shutil
from functools import cache, partial
from pathlib import Path

import networkx
import numpy as np
import pytest

from thermofab.apps.verilog.recording import words_of_states
from thermofab.hw import emit_verilog
from thermofab.hw.host.architectures import loading_of
from thermofab.hw.host.driver import FabricDriver, RunSettings
from thermofab.hw.spec import FabricSpec, Image, RunPlan, Schedule, fabric, open_device, plan_run
from thermofab.sim.conformance import random_image
from thermofab.sim.cosim.playback import played

pytestmark = pytest.mark.skipif(shutil.which("iverilog") is None, reason="needs Icarus, which knows unknown values")

SCHEDULE = Schedule(2, 5, 2, ((2, 1),))
GEOMETRIC = networkx.Graph(networkx.random_geometric_graph(14, 0.4, seed=3).edges)
LONELY = networkx.disjoint_union(networkx.path_graph(5), networkx.empty_graph(1))
FABRICS = {
    "systolic": fabric("g4-4x4-torus", architecture="systolic", moment_bits=12),
    "systolic, irregular": fabric(GEOMETRIC, architecture="systolic", elements=3, moment_bits=4),
    "systolic, factors": fabric(
        LONELY, architecture="systolic", elements=2, factors=((0, 1, 2), (1, 2, 3, 4)), moment_bits=4
    ),
    "spatial": fabric("king-3x3", moment_bits=12),
    "spatial, irregular": fabric(GEOMETRIC),
    "spatial, factors": fabric(LONELY, factors=((0, 1, 2), (1, 2, 3, 4))),
    "spatial, few lanes": fabric("king-3x3", elements=1),
    "relay": fabric("g4-3x3", architecture="relay", moment_bits=12),
    "relay, irregular": fabric(GEOMETRIC, architecture="relay", rng="xoshiro128+"),
    "dense": fabric("complete-8", architecture="dense", moment_bits=12),
    "dense, rows": fabric("complete-7", architecture="dense", elements=2),
}
REGISTERS = re.compile(r"^  initial begin\n    (?!words)(?:.*\n)*?  end\n", re.M)
MEMORY = re.compile(r"^  initial for \(k = 0; k < (\d+); k = k \+ 1\) words\[k\] = (\d+)'h0+;\n", re.M)


@cache
def emitted(spec: FabricSpec) -> str:
    text = emit_verilog(spec, sources=False)
    assert len(REGISTERS.findall(text)) > 3 and len(MEMORY.findall(text)) > 3
    return text


def unknown(text: str) -> str:
    """No first values."""
    return MEMORY.sub("", REGISTERS.sub("", text))


def arbitrary(text: str, seed: int) -> str:
    """Other first values, drawn; every second memory is all ones."""
    rng, memories = random.Random(seed), 0

    def drawn(width: str) -> str:
        return f"{width}'h{rng.getrandbits(int(width)):x}"

    def registers(found: re.Match[str]) -> str:
        return re.sub(r"=(\s+)(\d+)'h[0-9a-f]+", lambda value: f"={value[1]}{drawn(value[2])}", found[0])

    def memory(found: re.Match[str]) -> str:
        nonlocal memories
        memories += 1
        ones = f"{{{found[2]}{{1'b1}}}}"
        words = (ones if memories % 2 else drawn(found[2]) for _ in range(int(found[1])))
        return f"  initial begin k = 0; {' '.join(f'words[{k}] = {word};' for k, word in enumerate(words))} end\n"

    return MEMORY.sub(memory, REGISTERS.sub(registers, text))


@cache
def image_of(spec: FabricSpec) -> Image:
    """A random image; where it has trees of its own, with several, and a site below a root."""
    rng = np.random.default_rng(7)
    while True:
        image = random_image(rng, spec)
        order = image.order
        if order is None or (order.is_root.sum() > 2 and (order.heights.any() or not spec.has_relays)):
            return image


def samples_and_counts(plan: RunPlan, driver: FabricDriver) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """The stream's words of a run, and what the fabric counts of the same run."""
    driver.load(plan.image)
    driver.prepare(plan, 0)
    count, spec = plan.schedule.n_samples, plan.image.fabric
    driver.start(RunSettings(plan.schedule.phases, count, plan.schedule.steps_per_sample, plan.schedule.level))
    words = driver.collect(count * loading_of(spec).sample_words).reshape(count, -1)
    driver._finish()
    if not spec.moment_bits:
        return words, ()
    driver.prepare(plan, 0)
    return words, driver.accumulate(plan.schedule)[:2]


@pytest.mark.parametrize("contents", [unknown, partial(arbitrary, seed=1)], ids=["unknown", "arbitrary"])
@pytest.mark.parametrize("name", FABRICS)
def test_what_stands_at_power_up_changes_no_bit(name: str, contents, tmp_path: Path):
    """Nor bits of the stream that show no site; unknown values give samples and counts without an unknown bit."""
    spec = FABRICS[name]
    plan = plan_run(image_of(spec), SCHEDULE, 1, None, None, 5)
    reference = open_device("reference", spec)
    reference.load(plan.image)
    wanted = reference.run(SCHEDULE, seed=5).sites[0]
    words, counts = played(spec, contents(emitted(spec)), partial(samples_and_counts, plan), tmp_path)
    assert np.array_equal(words, words_of_states(loading_of(spec), wanted))
    if spec.moment_bits:
        i, j = spec.topology.edges.T
        assert np.array_equal(counts[0], wanted.sum(axis=0))
        assert np.array_equal(counts[1], (wanted[:, i] & wanted[:, j]).sum(axis=0))
