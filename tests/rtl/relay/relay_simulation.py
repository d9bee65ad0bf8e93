"""A relay fabric in Amaranth's simulator, driven over its bus beside the reference."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from amaranth.sim import Simulator

from thermofab.hw.host import registers as rm
from thermofab.hw.host.architectures import loading_of
from thermofab.hw.rng.base import seed_words
from thermofab.hw.rtl.architectures import fabric_top
from thermofab.hw.spec import Image, Schedule, plan_run
from thermofab.sim.cosim.draws import Gathered, Gathering


def compared(image: Image, phases: Sequence[tuple[int, int, int]], masks: Sequence[np.ndarray] = ()) -> int:
    """Run phases of ``(sweeps, level, mask)``, under the image's clamps as mask 0 unless others are given, and compare
    every field of every sweep, the state after each, and the last. Returns CYCLES.
    """
    spec = image.fabric
    top: Any = fabric_top(spec)
    loading, plan = loading_of(spec), plan_run(image, Schedule(0, 1), 1, None, None, None)
    clamped = list(masks) or [plan.clamped, plan.clamped]
    chain, gathered = Gathering(plan, 0), Gathered(len(top.draw_bits))
    steps = [(level, mask) for sweeps, level, mask in phases for _ in range(sweeps)]
    counted: list[int] = []
    done: list[int] = []

    def swept(state: int) -> None:
        level, mask = steps[len(done)]
        chain.clamped = clamped[mask].tolist()
        chain.sweep(level)
        gathered.check(chain.fields, chain.width)
        expected = sum(bit << k for k, bit in enumerate(chain.n))
        assert state == expected, f"after sweep {len(done)}, sites {state ^ expected:b} differ from the reference"
        done.append(state)

    async def watch(ctx: Any) -> None:
        async for _, _, adding, bits, ended, state in ctx.tick().sample(
            top.draw_adding, top.draw_bits, top.sweep_done, top.state
        ):
            gathered.clock(adding, bits)
            if ended:
                swept(state)

    async def host(ctx: Any) -> None:
        async def write(where: Any, what: Any) -> None:
            ctx.set(top.bus_write, 1)
            for address, data in zip(np.asarray(where).tolist(), np.asarray(what).tolist()):
                ctx.set(top.bus_address, address)
                ctx.set(top.bus_write_data, data & 0xFFFFFFFF)
                await ctx.tick()
            ctx.set(top.bus_write, 0)

        async def read(name: str) -> int:
            ctx.set(top.bus_address, loading.map[name].base)
            ctx.set(top.bus_read, 1)
            await ctx.tick()
            ctx.set(top.bus_read, 0)
            await ctx.tick()
            return ctx.get(top.bus_read_data)

        for written in loading.image(image):
            await write(*written)
        for number, mask in enumerate(clamped):
            await write(*loading.clamps(number, mask))
        await write(*loading.seeds(seed_words(chain.generator, plan.keys[0])))
        await write(*loading.states(plan.init[0]))
        rows = list(zip(*phases))
        for name, values in (("SHIFT", [image.shift]), ("PHASES", [len(phases)]), ("PHASE_SWEEPS", rows[0]),
                             ("PHASE_LEVEL", rows[1]), ("PHASE_MASK", rows[2]), ("SAMPLES", [0]),
                             ("CONTROL", [rm.START])):  # fmt: skip
            await write(loading.map[name].base + np.arange(len(values)), values)
        for _ in range(3):
            await ctx.tick()
        assert ctx.get(top.busy)
        while ctx.get(top.busy):
            await ctx.tick()
        assert len(done) == len(steps) and ctx.get(top.state) == done[-1]
        assert await read("ERRORS") == 0
        counted.append(await read("CYCLES"))

    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_process(watch)
    simulator.add_testbench(host)
    simulator.run()
    return counted[0]
