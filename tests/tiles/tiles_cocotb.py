"""Runs inside the simulator: tiles joined by bad lines against the reference of the whole fabric, after every sweep.

The environment says what to do: ``THERMOFAB_TILES`` is a file with the fabric, the tiling and the line,
``THERMOFAB_SEED`` fixes all choices, ``THERMOFAB_REPORT`` is the file for what was counted.
"""

import json
import os
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles
from tiles_bench import Network

from thermofab.hw.host import registers as rm
from thermofab.hw.host.driver import RunSettings
from thermofab.hw.rtl.tiles.plan import Line
from thermofab.hw.spec import FREE, FabricSpec, Image, RunPlan, Schedule, Tiling, part_of, plan_run, sigmoid_table
from thermofab.sim.reference import Chain

ABOUT = json.loads(Path(os.environ["THERMOFAB_TILES"]).read_text())
SPEC, LINE = FabricSpec.from_json(ABOUT["fabric"]), Line(**ABOUT["line"])
TILING = Tiling(SPEC.topology, np.array(ABOUT["tile_of"]))
PARTS = [part_of(SPEC, TILING, t) for t in range(TILING.n_tiles)]
SEED, REPORT = int(os.environ["THERMOFAB_SEED"]), Path(os.environ["THERMOFAB_REPORT"])
ALIKE = [10] * TILING.n_tiles
APART = [10 + 3 * t + t % 2 for t in range(TILING.n_tiles)]  # ns: no two alike, the slowest twice the fastest
WORDS = LINE.frame_words(max(int(np.diff(b.bounds).max()) for b in TILING.boundaries))  # of the longest frame
# Of a frame's words, so that one frame in seven is hit, and one in five held up.
BAD = {"lose": 0.05 / WORDS, "damage": 0.05 / WORDS, "twice": 0.05 / WORDS, "hold": 0.2 / WORDS}
ENDLESS = RunSettings(((10**6, 0),), 1, 1, 0)
SESSIONS = iter(range(1, 32))
WEIGHT, SHIFT, BETAS = 16, 3, (0.5, 0.3)


def drawn(number: int) -> tuple[RunPlan, Chain]:
    """A glass with one site clamped, and its reference. A neighbour in the wrong state moves the probability of an
    update by a third where the others cancel, so that few wrong ghosts go unseen.
    """
    rng = np.random.default_rng([SEED, number])
    clamp = np.where(np.arange(SPEC.n_sites) == int(rng.integers(SPEC.n_sites)), 1, FREE)
    image = Image(
        fabric=SPEC,
        weights=WEIGHT * rng.choice([-1, 1], SPEC.topology.n_edges),
        biases=rng.integers(-WEIGHT // 4, WEIGHT // 4 + 1, SPEC.n_sites),
        tables=np.array([sigmoid_table(SPEC, beta / WEIGHT, SHIFT) for beta in BETAS]),
        shift=SHIFT,
        clamps=np.full(SPEC.n_sites, FREE),
    )
    plan = plan_run(image, Schedule(0, 1), 1, None, clamp, number)
    return plan, Chain(plan, 0)


def report(**found: Any) -> None:
    known = json.loads(REPORT.read_text()) if REPORT.exists() else {}
    REPORT.write_text(json.dumps(known | found))


async def network(dut, periods: list[int]) -> Network:
    found = Network(dut, PARTS, len(TILING.boundaries), periods)
    await found.start(next(SESSIONS))
    return found


async def whole_run(net: Network, plan: RunPlan, chain: Chain, run: RunSettings) -> int:
    await net.start_run(run)
    await net.ended()
    return net.compare(chain, run)


@cocotb.test()
async def clean(dut) -> None:
    """Clean lines and one clock: the bits, and the clocks of a sweep."""
    net = await network(dut, ALIKE)
    plan, chain = drawn(1)
    await net.load(plan, chain)
    compared = await whole_run(net, plan, chain, RunSettings(((60, 0),), 1, 1, 0))
    spans = [np.diff(tile.times[20:]) / 10 for tile in net.tiles]
    report(clean=compared, sweep_clocks=float(np.mean(spans)), spread=float(np.ptp(np.concatenate(spans))))


async def lossy(net: Network, number: int, runs: list[RunSettings]) -> int:
    """Runs, one going on from the other, over bad lines."""
    net.lines(**BAD)
    plan, chain = drawn(number)
    await net.load(plan, chain)
    before = net.faults()
    compared = 0
    for run in runs:
        compared += await whole_run(net, plan, chain, run)
    assert net.faults() - before > 50, "lines were bad"
    return compared


@cocotb.test()
async def bad(dut) -> None:
    """Bad lines: phases, samples whose reader is slow, and a second run that goes on from the first."""
    net = await network(dut, ALIKE)
    for tile in net.tiles:
        tile.patience = 700
    slow, quick = RunSettings(((4, 1), (3, 0)), 4, 2, 1), RunSettings(((25, 0),), 3, 1, 0)
    report(bad=await lossy(net, 2, [slow, quick]))


@cocotb.test()
async def clocks_apart(dut) -> None:
    """Bad lines between tiles with clocks of their own."""
    net = await network(dut, APART)
    report(clocks_apart=await lossy(net, 3, [RunSettings(((40, 1),), 2, 3, 0)]))


@cocotb.test()
async def dead(dut) -> None:
    """Lines dead for long: all tiles stand still, and go on when the lines are back. Then one line alone."""
    net = await network(dut, APART)
    plan, chain = drawn(4)
    await net.load(plan, chain)
    run = RunSettings(((30, 0),), 1, 1, 0)
    await net.start_run(run)
    await net.swept(10)
    for which in (2**net.channels - 1, 1):
        dut.dead.value = which
        await ClockCycles(dut.clk_0, 3 * LINE.patience)
        stood = [len(tile.states) for tile in net.tiles]
        await ClockCycles(dut.clk_0, 20 * LINE.patience)
        assert stood == [len(tile.states) for tile in net.tiles], "tiles wait for their neighbours"
        assert all(int(tile.busy.value) for tile in net.tiles)
        dut.dead.value = 0
        await net.swept(stood[0] + 5)
    await net.ended()
    report(dead=net.compare(chain, run))


@cocotb.test()
async def resets(dut) -> None:
    """Resets of all tiles in mid-run, with frames on the lines that arrive in the next run."""
    net = await network(dut, APART)
    rng, compared = np.random.default_rng([SEED, 5]), 0
    for trial in range(6):
        net.lines(**(BAD if trial % 2 else {}))
        net.new_session()  # so that this run's first frame has the number of the next one's
        plan, chain = drawn(50 + trial)
        await net.load(plan, chain)
        if trial % 2:
            await net.start_run(ENDLESS)
            await net.swept(3)
            await ClockCycles(dut.clk_0, int(rng.integers(100)))
            net.all_lines("frozen", True)
        else:  # what waits on the lines are the frames of the first step, which the next run expects
            net.all_lines("frozen", True)
            await net.start_run(ENDLESS)
            await ClockCycles(dut.clk_0, 3 * LINE.patience)
        await ClockCycles(dut.clk_0, int(rng.integers(20, 80)))
        for tile in net.tiles:
            tile.rst.value = 1
        await ClockCycles(net.tiles[-1].clk, int(rng.integers(2, 5)))  # the slowest: one edge each at least
        for tile in net.tiles:
            tile.rst.value = 0
        net.new_session()
        plan, chain = drawn(70 + trial)
        await net.load(plan, chain)
        run = RunSettings(((8, 0),), 1, 1, 0)
        await net.start_run(run)
        await ClockCycles(dut.clk_0, int(rng.integers(40)))
        net.all_lines("frozen", False)
        await net.ended()
        compared += net.compare(chain, run)
    report(resets=compared)


@cocotb.test()
async def aborts(dut) -> None:
    """Runs that are aborted, in all tiles but not at once, end; the next has the reference's bits."""
    net = await network(dut, APART)
    rng, compared = np.random.default_rng([SEED, 6]), 0
    for trial in range(3):
        plan, chain = drawn(90 + trial)
        await net.load(plan, chain)
        await net.start_run(ENDLESS)
        await net.swept(3)
        for tile in net.tiles:
            await ClockCycles(dut.clk_0, int(rng.integers(100)))
            await tile.control(rm.ABORT)
        await net.ended()
        net.new_session()
        plan, chain = drawn(110 + trial)
        await net.load(plan, chain)
        compared += await whole_run(net, plan, chain, RunSettings(((8, 0),), 1, 1, 0))
    report(aborts=compared)
