"""Runs inside the simulator: tiles joined by bad lines against the reference of the whole fabric, after every sweep."""

from dataclasses import dataclass
from functools import cache
from itertools import count

import cocotb
import numpy as np
from cocotb.handle import HierarchyObject
from cocotb.triggers import ClockCycles

from thermofab.hw.host import registers as rm
from thermofab.hw.host.driver import RunSettings
from thermofab.hw.rtl.tiles.plan import Line
from thermofab.hw.spec import FREE, FabricSpec, Image, RunPlan, Schedule, Tiling, part_of, plan_run, sigmoid_table
from thermofab.sim.cosim.bench.tiles_network import Tiles, word
from thermofab.sim.cosim.jobs import read_job, report
from thermofab.sim.cosim.tiles.run import TilesJob
from thermofab.sim.reference import Chain

ENDLESS = RunSettings(((10**6, 0),), 1, 1, 0)
SESSIONS = count(1)
WEIGHT, SHIFT, BETAS = 16, 3, (0.5, 0.3)


@dataclass(frozen=True)
class Scene:
    """The fabric, its tiles and lines, the seed, and two sets of clock periods in ns: all alike, and no two alike, the
    slowest twice the fastest.
    """

    spec: FabricSpec
    tiling: Tiling
    line: Line
    seed: int

    @property
    def alike(self) -> list[int]:
        return [10] * self.tiling.n_tiles

    @property
    def apart(self) -> list[int]:
        return [10 + 3 * tile + tile % 2 for tile in range(self.tiling.n_tiles)]

    @property
    def bad(self) -> dict[str, float]:
        """Shares of a frame's words, so that one frame in seven is hit, and one in five held up."""
        longest = self.line.frame_words(max(int(np.diff(b.bounds).max()) for b in self.tiling.boundaries))
        return {"lose": 0.05 / longest, "damage": 0.05 / longest, "twice": 0.05 / longest, "hold": 0.2 / longest}


@cache
def scene() -> Scene:
    """That of this simulation."""
    job = read_job(TilesJob)
    return Scene(job.spec, Tiling(job.spec.topology, np.array(job.tile_of)), Line(**job.line), job.seed)


def drawn(number: int) -> tuple[RunPlan, Chain]:
    """A glass with one site clamped, and its reference. A neighbour in the wrong state moves the probability of an
    update by a third where the others cancel, so that few wrong ghosts go unseen.
    """
    spec, rng = scene().spec, np.random.default_rng([scene().seed, number])
    clamp = np.where(np.arange(spec.n_sites) == int(rng.integers(spec.n_sites)), 1, FREE)
    image = Image(
        fabric=spec,
        weights=WEIGHT * rng.choice([-1, 1], spec.topology.n_edges),
        biases=rng.integers(-WEIGHT // 4, WEIGHT // 4 + 1, spec.n_sites),
        tables=np.array([sigmoid_table(spec, beta / WEIGHT, SHIFT) for beta in BETAS]),
        shift=SHIFT,
        clamps=np.full(spec.n_sites, FREE),
    )
    plan = plan_run(image, Schedule(0, 1), 1, None, clamp, number)
    return plan, Chain(plan, 0)


async def network(dut: HierarchyObject, periods: list[int]) -> Tiles:
    tiling = scene().tiling
    parts = [part_of(scene().spec, tiling, tile) for tile in range(tiling.n_tiles)]
    found = Tiles(dut, parts, len(tiling.boundaries), periods)
    await found.start(next(SESSIONS))
    return found


async def whole_run(net: Tiles, plan: RunPlan, chain: Chain, run: RunSettings) -> int:
    await net.start_run(run)
    await net.ended()
    return net.compare(chain, run)


@cocotb.test()
async def clean(dut: HierarchyObject) -> None:
    """Clean lines and one clock: the bits, and the clocks of a sweep."""
    net = await network(dut, scene().alike)
    plan, chain = drawn(1)
    await net.load(plan, chain)
    compared = await whole_run(net, plan, chain, RunSettings(((60, 0),), 1, 1, 0))
    spans = [np.diff(tile.times[20:]) / 10 for tile in net.tiles]
    report(clean=compared, sweep_clocks=float(np.mean(spans)), spread=float(np.ptp(np.concatenate(spans))))


async def lossy(net: Tiles, number: int, runs: list[RunSettings]) -> int:
    """Runs, one going on from the other, over bad lines."""
    net.lines(**scene().bad)
    plan, chain = drawn(number)
    await net.load(plan, chain)
    before = net.faults()
    compared = 0
    for run in runs:
        compared += await whole_run(net, plan, chain, run)
    assert net.faults() - before > 50, "lines were bad"
    return compared


@cocotb.test()
async def bad(dut: HierarchyObject) -> None:
    """Bad lines: phases, samples whose reader is slow, and a second run that goes on from the first."""
    net = await network(dut, scene().alike)
    for tile in net.tiles:
        tile.patience = 700
    slow, quick = RunSettings(((4, 1), (3, 0)), 4, 2, 1), RunSettings(((25, 0),), 3, 1, 0)
    report(bad=await lossy(net, 2, [slow, quick]))


@cocotb.test()
async def clocks_apart(dut: HierarchyObject) -> None:
    """Bad lines between tiles with clocks of their own."""
    net = await network(dut, scene().apart)
    report(clocks_apart=await lossy(net, 3, [RunSettings(((40, 1),), 2, 3, 0)]))


@cocotb.test()
async def dead(dut: HierarchyObject) -> None:
    """Lines dead for long: all tiles stand still, and go on when the lines are back. Then one line alone."""
    net, patience = await network(dut, scene().apart), scene().line.patience
    plan, chain = drawn(4)
    await net.load(plan, chain)
    run = RunSettings(((30, 0),), 1, 1, 0)
    await net.start_run(run)
    await net.swept(10)
    for which in (2**net.channels - 1, 1):
        word(dut, "dead").value = which
        await ClockCycles(net.tiles[0].clk, 3 * patience)
        stood = [len(tile.states) for tile in net.tiles]
        await ClockCycles(net.tiles[0].clk, 20 * patience)
        assert stood == [len(tile.states) for tile in net.tiles], "tiles wait for their neighbours"
        assert all(int(tile.busy.value) for tile in net.tiles)
        word(dut, "dead").value = 0
        await net.swept(stood[0] + 5)
    await net.ended()
    report(dead=net.compare(chain, run))


@cocotb.test()
async def resets(dut: HierarchyObject) -> None:
    """Resets of all tiles in mid-run, with frames on the lines that arrive in the next run."""
    net, patience = await network(dut, scene().apart), scene().line.patience
    rng, compared = np.random.default_rng([scene().seed, 5]), 0
    for trial in range(6):
        net.lines(**(scene().bad if trial % 2 else {}))
        net.new_session()  # so that this run's first frame has the number of the next one's
        plan, chain = drawn(50 + trial)
        await net.load(plan, chain)
        if trial % 2:
            await net.start_run(ENDLESS)
            await net.swept(3)
            await ClockCycles(net.tiles[0].clk, int(rng.integers(100)))
            net.all_lines("frozen", True)
        else:  # what waits on the lines are the frames of the first step, which the next run expects
            net.all_lines("frozen", True)
            await net.start_run(ENDLESS)
            await ClockCycles(net.tiles[0].clk, 3 * patience)
        await ClockCycles(net.tiles[0].clk, int(rng.integers(20, 80)))
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
        await ClockCycles(net.tiles[0].clk, int(rng.integers(40)))
        net.all_lines("frozen", False)
        await net.ended()
        compared += net.compare(chain, run)
    report(resets=compared)


@cocotb.test()
async def aborts(dut: HierarchyObject) -> None:
    """Runs that are aborted, in all tiles but not at once, end; the next has the reference's bits."""
    net = await network(dut, scene().apart)
    rng, compared = np.random.default_rng([scene().seed, 6]), 0
    for trial in range(3):
        plan, chain = drawn(90 + trial)
        await net.load(plan, chain)
        await net.start_run(ENDLESS)
        await net.swept(3)
        for tile in net.tiles:
            await ClockCycles(net.tiles[0].clk, int(rng.integers(100)))
            await tile.control(rm.ABORT)
        await net.ended()
        net.new_session()
        plan, chain = drawn(110 + trial)
        await net.load(plan, chain)
        compared += await whole_run(net, plan, chain, RunSettings(((8, 0),), 1, 1, 0))
    report(aborts=compared)
