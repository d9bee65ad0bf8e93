"""Runs inside the simulator: every site after every sweep, through reconfiguration, aborts and back-pressure."""

import cocotb

from thermofab.hw.host.driver import RunSettings
from thermofab.hw.spec import RunPlan, Schedule, plan_run
from thermofab.sim.cosim.bench.aborts import abort
from thermofab.sim.cosim.bench.counters import check_counters
from thermofab.sim.cosim.bench.fabric import FabricBench
from thermofab.sim.cosim.bench.misuse import reject_writes, wrong_accesses
from thermofab.sim.cosim.bench.ports import FabricPorts
from thermofab.sim.cosim.bench.stimulus import drawn_image, drawn_run
from thermofab.sim.cosim.jobs import FabricJob, read_job, report
from thermofab.sim.reference import Chain

TURNS = 24  # runs at least, so that every kind of turn below comes up
LONGEST = 10_000  # site updates of a run


@cocotb.test()
async def lockstep(dut: FabricPorts) -> None:
    job = read_job(FabricJob)
    bench = FabricBench(dut, job.spec, job.seed)
    await bench.start()
    plan: RunPlan | None = None
    turn = 0
    while bench.scoreboard.compared < job.updates or turn < TURNS:
        run = drawn_run(bench.rng, bench.spec, min(job.updates // 12, LONGEST))
        rejecting = turn % 6 == 1
        if rejecting:
            run = _long_enough(bench, run)
        plan = await _begin(bench, plan, run, loaded=plan is None or turn % 2 == 0)
        if rejecting:
            await reject_writes(bench)
        if turn % 4 == 2:
            await abort(bench)
        else:
            await bench.ended()
            if bench.counting:
                await check_counters(bench)
            await bench.check_errors()
        if turn % 5 == 3:
            await wrong_accesses(bench)
        turn += 1
    report(compared=bench.scoreboard.compared, coverage=bench.coverage.counts)


def _long_enough(bench: FabricBench, run: RunSettings) -> RunSettings:
    """With a first phase that leaves time for a write and a read of every locked register."""
    shortest = bench.watched.shortest or bench.bus.sweep_clocks
    first = (2 + (200 if bench.spec.programmed else 160) // shortest, run.level)
    return RunSettings((first, *run.phases[:8]), run.samples, run.steps, 0)


async def _begin(bench: FabricBench, before: RunPlan | None, run: RunSettings, loaded: bool) -> RunPlan:
    """Start a run of a random image; unless ``loaded``, it goes on from the states and generators of the last one."""
    image = drawn_image(bench.rng, bench.spec)
    if bench.watched.one_layout and before is not None and not loaded:
        image = before.image.replace(tables=image.tables, shift=image.shift)
    plan = plan_run(image, Schedule(0, 1), 1, None, None, None)
    chain: Chain = bench.watched.chain(plan, 0)
    if not loaded:
        chain.n, chain.rng = list(bench.scoreboard.chain.n), list(bench.scoreboard.chain.rng)
    await bench.begin(plan, chain, run, loaded)
    return plan
