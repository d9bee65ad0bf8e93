"""Every draw of a dense fabric, in Amaranth's simulator: site, field with its dither, and the bits compared."""

from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from thermofab.hw.host import registers as rm
from thermofab.hw.host.architectures import loading_of
from thermofab.hw.rng.base import seed_words
from thermofab.hw.rtl.architectures import fabric_top
from thermofab.hw.spec import FabricSpec, Image, Schedule, fabric, plan_run
from thermofab.hw.spec.clocks import sweep_clocks
from thermofab.hw.spec.dense import dense_plan
from thermofab.sim.conformance import random_image
from thermofab.sim.cosim.draws import Draw, Drawing

RUN_CLOCKS = 9  # beside its sweeps
NARROW = {"table_bits": 4, "threshold_bits": 8, "levels": 1}
SPECS = {
    "one site": fabric("complete-1", architecture="dense", **NARROW),
    "two sites": fabric("complete-2", architecture="dense", weight_bits=3, bias_bits=4, **NARROW),
    "chunks of five": fabric("complete-11", architecture="dense", **NARROW),
    "chunks of four, a lattice": fabric("king-4x6", architecture="dense", dither_bits=0, **NARROW),
    "chunks of three, wide": fabric("complete-33", architecture="dense", weight_bits=16, bias_bits=23, **NARROW),
    "rows in parts": fabric("complete-30", architecture="dense", elements=7, rng="xoshiro128+", **NARROW),
    "rows a weight at a time": fabric("complete-9", architecture="dense", elements=1, weight_bits=11, **NARROW),
    "plain rows": fabric("g4-9x15", architecture="dense", min_shift=4, rng="lfsr32", **NARROW),
}


def drawn_and_counted(spec: FabricSpec, image: Image, sweeps: int) -> tuple[list[Draw], list[Draw], int]:
    """``(draws, expected, CYCLES)`` of so many sweeps in one phase."""
    top: Any = fabric_top(spec)
    loading, plan = loading_of(spec), plan_run(image, Schedule(0, 1), 1, None, None, None)
    chain = Drawing(plan, 0)
    draws: list[Draw] = []
    found: list[int] = []
    simulator = Simulator(top)
    simulator.add_clock(1e-6)

    async def watch(ctx: Any) -> None:
        async for _, _, draw, site, field, high in ctx.tick().sample(
            top.draw, top.draw_site, top.draw_field, top.draw_high
        ):
            if draw:
                draws.append((site, field % (1 << len(top.draw_field)), high))

    async def host(ctx: Any) -> None:
        async def write(where: np.ndarray, what: np.ndarray) -> None:
            ctx.set(top.bus_write, 1)
            for address, data in zip(np.asarray(where).tolist(), np.asarray(what).tolist()):
                ctx.set(top.bus_address, address)
                ctx.set(top.bus_write_data, data & 0xFFFFFFFF)
                await ctx.tick()
            ctx.set(top.bus_write, 0)

        async def named(name: str, value: int) -> None:
            await write(np.array([loading.map[name].base]), np.array([value]))

        for written in loading.image(image):
            await write(*written)
        for written in (
            loading.clamps(0, plan.clamped),
            loading.states(plan.init[0]),
            loading.seeds(seed_words(chain.generator, plan.keys[0])),
        ):
            await write(*written)
        for name, value in (("SHIFT", image.shift), ("PHASES", 1), ("PHASE_SWEEPS", sweeps), ("PHASE_LEVEL", 0),
                            ("PHASE_MASK", 0), ("SAMPLES", 0), ("CONTROL", rm.START)):  # fmt: skip
            await named(name, value)
        for _ in range(3):
            await ctx.tick()
        assert ctx.get(top.busy)
        while ctx.get(top.busy):
            await ctx.tick()
        found.append(ctx.get(top.state))
        ctx.set(top.bus_address, loading.map["CYCLES"].base)
        ctx.set(top.bus_read, 1)
        await ctx.tick()
        ctx.set(top.bus_read, 0)
        await ctx.tick()
        found.append(ctx.get(top.bus_read_data))

    simulator.add_process(watch)
    simulator.add_testbench(host)
    simulator.run()
    for _ in range(sweeps):
        chain.sweep(0)
    state = sum(bit << k for k, bit in enumerate(chain.n))
    assert found[0] == state, "the states after the run are the reference's"
    return draws, chain.draws, found[1]


@pytest.mark.parametrize("name", SPECS)
def test_draws_and_clocks(name):
    """Random images, orders and clamps: every field of every sweep, and the clocks a sweep takes."""
    spec = SPECS[name]
    for seed in range(2):
        image = random_image(np.random.default_rng([seed, spec.n_sites]), spec)
        if seed == 1:  # fields as far from zero as they get
            image = image.replace(biases=np.sign(image.biases) * spec.bias_max,
                                  weights=np.sign(image.weights) * spec.weight_max)  # fmt: skip
        cycles = []
        for sweeps in (1, 3):
            draws, expected, counted = drawn_and_counted(spec, image, sweeps)
            clamped = {site for site in range(spec.n_sites) if image.clamps[site] != -1}
            assert len(draws) == len(expected)
            for k, (draw, wanted) in enumerate(zip(draws, expected)):
                assert draw == wanted, f"draw {k} of seed {seed}; clamped are {clamped}"
            cycles.append(counted)
        assert cycles[1] - cycles[0] == 2 * sweep_clocks(image)
        assert cycles[0] - sweep_clocks(image) == RUN_CLOCKS


def test_plans():
    """What is chosen for how many sites; a colour drains in 5 clocks at 64 sites and in 6 at 256."""
    plans = {n: dense_plan(fabric(f"complete-{n}", architecture="dense")) for n in (8, 64, 128, 129, 256)}
    assert {n: (p.chunk, p.masked, p.drain) for n, p in plans.items()} == {
        8: (6, False, 5), 64: (3, False, 5), 128: (2, False, 6), 129: (1, True, 6), 256: (1, True, 6),
    }  # fmt: skip
