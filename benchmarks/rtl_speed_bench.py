"""The cocotb side of rtl_speed.py: loads a fabric, starts a run, and times the clocks until it ends.

As a program it builds and runs the simulation; imported by the simulator it holds the test.
"""

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from thermofab.hw.host.driver import FabricDriver, RunSettings
from thermofab.hw.spec import FabricSpec, Schedule, plan_run
from thermofab.sim.conformance import random_image

HERE = Path(__file__).resolve().parent


class _Recorder:
    """A register bus that writes everything down."""

    def __init__(self) -> None:
        self.writes: list[tuple[int, int]] = []

    def write(self, addresses, data) -> None:
        pairs = zip(np.asarray(addresses).tolist(), (np.asarray(data).astype(np.int64) & 0xFFFFFFFF).tolist())
        self.writes += [(int(a), int(d)) for a, d in pairs]

    def read(self, address: int) -> int:
        return 0

    def collect(self, words: int) -> np.ndarray:
        return np.zeros(words, dtype=np.uint32)

    def wait(self) -> None:
        pass


@dataclass(frozen=True)
class Writes:
    """What a driver writes: ``load`` once, ``start(sweeps)`` for a run."""

    load: list[tuple[int, int]]
    spec: FabricSpec

    def start(self, sweeps: int) -> list[tuple[int, int]]:
        bus = _Recorder()
        FabricDriver(self.spec, bus).start(RunSettings(((sweeps, 0),), 0, 1, 0))
        return bus.writes


def recorded_writes(spec: FabricSpec) -> Writes:
    """The writes of loading a random image."""
    bus = _Recorder()
    driver = FabricDriver(spec, bus)
    image = random_image(np.random.default_rng(1), spec)
    driver.load(image)
    driver.prepare(plan_run(image, Schedule(0, 1), 1, None, None, None), 0)
    return Writes(bus.writes, spec)


def build_and_run(simulator: str, folder: Path, sweeps: str) -> None:
    sys.path.insert(0, str(HERE.parent / "tests" / "rtl"))
    from rtl_runner import MAKE_VARIABLES, ports_only

    from thermofab.hw.rtl.emit import emit_verilog
    from thermofab.sim.rtl.tools import find_verilator

    import cocotb_tools.runner as runner_module  # isort: skip

    spec = FabricSpec.from_json(json.loads((folder / "fabric.json").read_text()))
    (folder / "fabric.v").write_text(emit_verilog(spec))
    sources, arguments = [folder / "fabric.v"], []
    if simulator == "verilator":
        verilator = find_verilator()
        os.environ["VERILATOR_ROOT"] = verilator.root
        os.environ["PATH"] = f"{Path(verilator.binary).parent}{os.pathsep}{os.environ['PATH']}"
        os.environ["MAKEFLAGS"] = MAKE_VARIABLES.replace("OPT_FAST=-O0", "OPT_FAST=-O1")
        (folder / "ports.vlt").write_text('`verilator_config\npublic_flat_rw -module "thermofab" -var "*"\n')
        sources, arguments = [*sources, folder / "ports.vlt"], ["-Wno-fatal", "-Wno-lint"]
        runner = ports_only(runner_module)
    else:
        runner = runner_module.get_runner(simulator)
    runner.build(sources=sources, hdl_toplevel="thermofab", build_dir=folder / "build", timescale=("1ns", "1ps"),
                 build_args=arguments, log_file=folder / "build.log")  # fmt: skip
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    runner.test(test_module="rtl_speed_bench", hdl_toplevel="thermofab", hdl_toplevel_lang="verilog",
                build_dir=folder / "build", test_dir=folder, timescale=("1ns", "1ps"), log_file=folder / "test.log",
                extra_env={"THERMOFAB_FOLDER": str(folder), "THERMOFAB_SWEEPS": sweeps})  # fmt: skip


if os.environ.get("THERMOFAB_FOLDER") and __name__ != "__main__":
    import cocotb
    from cocotb.clock import Clock
    from cocotb.triggers import ClockCycles, FallingEdge

    @cocotb.test()
    async def sweeps_per_second(dut) -> None:
        folder = Path(os.environ["THERMOFAB_FOLDER"])
        spec = FabricSpec.from_json(json.loads((folder / "fabric.json").read_text()))
        writes, sweeps = recorded_writes(spec), int(os.environ["THERMOFAB_SWEEPS"])
        dut.bus_write.value, dut.bus_read.value, dut.sample_ready.value, dut.rst.value = 0, 0, 0, 1
        Clock(dut.clk, 10, unit="ns").start()
        await ClockCycles(dut.clk, 3)
        await FallingEdge(dut.clk)
        dut.rst.value = 0
        dut.bus_write.value = 1
        for address, data in [*writes.load, *writes.start(sweeps)]:
            dut.bus_address.value, dut.bus_write_data.value = address, data
            await FallingEdge(dut.clk)
        dut.bus_write.value = 0
        await ClockCycles(dut.clk, 4)
        started = time.perf_counter()
        await FallingEdge(dut.busy)
        (folder / "seconds").write_text(str(time.perf_counter() - started))


if __name__ == "__main__":
    build_and_run(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
