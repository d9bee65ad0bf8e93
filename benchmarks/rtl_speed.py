"""RTL simulation speed, side by side: site updates per second of the same Verilog or Amaranth design.

    python benchmarks/rtl_speed.py [FABRIC …]

Every simulator loads the same random image through the register bus and runs sweeps without samples. Compiled RTL is
timed over whole runs; cocotb and Amaranth's simulator from the start of a run to its end, their benches doing nothing
meanwhile but turn the clock. Medians of three rounds.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rtl_speed_bench import cocotb_seconds, recorded_writes
from timing import machine

from thermofab.hw.host.driver import FabricDriver, RunSettings
from thermofab.hw.rtl.architectures import fabric_top
from thermofab.hw.spec import FabricSpec, Schedule, fabric, plan_run
from thermofab.sim.conformance import random_image
from thermofab.sim.rtl.build import build_library
from thermofab.sim.rtl.library import CompiledFabric

ROUNDS = 3
LARGE = 1000  # sites above which only compiled RTL is timed: loading takes the others minutes
DEFAULT = ("spatial g4-8x8-torus", "systolic g12-16x16-torus", "systolic g12-70x70-torus")


def compiled(spec: FabricSpec, engine: str) -> Callable[[int], float]:
    """Seconds that so many sweeps take."""
    driver = FabricDriver(spec, CompiledFabric(build_library(spec, engine)))
    image = random_image(np.random.default_rng(1), spec)
    driver.load(image)
    driver.prepare(plan_run(image, Schedule(0, 1), 1, None, None, None), 0)

    def run(sweeps: int) -> float:
        started = time.perf_counter()
        driver.start(RunSettings(((sweeps, 0),), 0, 1, 0))
        driver._bus.wait()
        return time.perf_counter() - started

    run(1)
    return run


def amaranth(spec: FabricSpec) -> Callable[[int], float]:
    from amaranth.sim import Simulator

    writes = recorded_writes(spec)

    def run(sweeps: int) -> float:
        top, seconds = fabric_top(spec), 0.0

        async def bench(ctx):
            nonlocal seconds
            for address, data in [*writes.load, *writes.start(sweeps)]:
                ctx.set(top.bus_write, 1)
                ctx.set(top.bus_address, address)
                ctx.set(top.bus_write_data, data)
                await ctx.tick()
            ctx.set(top.bus_write, 0)
            started = time.perf_counter()
            await ctx.tick().repeat(4)
            while ctx.get(top.busy):
                await ctx.tick()
            seconds = time.perf_counter() - started

        simulator = Simulator(top)
        simulator.add_clock(1e-8)
        simulator.add_testbench(bench)
        simulator.run()
        return seconds

    return run


def main() -> None:
    print(machine())
    for name in sys.argv[1:] or DEFAULT:
        architecture, _, topology = name.partition(" ")
        spec = fabric(topology, architecture=architecture)
        sites = spec.n_sites
        contenders: dict[str, tuple[Callable[[int], float], int]] = {
            "compiled, Verilator": (compiled(spec, "verilator"), max(50, 20_000_000 // sites)),
            "compiled, CXXRTL": (compiled(spec, "cxxrtl"), max(20, 2_000_000 // sites)),
            "cocotb, Verilator": (partial(cocotb_seconds, spec, "verilator"), max(10, 200_000 // sites)),
            "cocotb, Icarus": (partial(cocotb_seconds, spec, "icarus"), max(4, 20_000 // sites)),
            "Amaranth's simulator": (amaranth(spec), max(1, 2_000 // sites)),
        }
        if sites > LARGE:
            contenders = {key: value for key, value in contenders.items() if key.startswith("compiled")}
        print(f"\n{name}: {sites} sites\n{'simulator':<24}{'updates/s':>12}{'compiled Verilator / this':>28}")
        rates: dict[str, list[float]] = {key: [] for key in contenders}
        for _ in range(ROUNDS):
            for key, (run, sweeps) in contenders.items():
                rates[key].append(sites * sweeps / run(sweeps))
        best = float(np.median(rates["compiled, Verilator"]))
        for key, values in rates.items():
            middle = float(np.median(values))
            print(f"{key:<24}{middle:>12.3g}{best / middle:>28.1f}", flush=True)


if __name__ == "__main__":
    main()
