"""Runs inside the simulator: a fabric of any architecture, driven by the host's driver through bus and stream only.

Samples are taken after every sweep, so every state of a run is compared with the reference's.
"""

import cocotb
import numpy as np
from cocotb.task import bridge

from thermofab.hw.host.driver import FabricDriver
from thermofab.hw.spec import FabricSpec, Schedule, open_device, plan_run
from thermofab.sim.conformance import random_image
from thermofab.sim.cosim.bench.fabric import reset
from thermofab.sim.cosim.bench.host_bus import SimulatedBus
from thermofab.sim.cosim.bench.ports import FabricPorts
from thermofab.sim.cosim.jobs import FabricJob, read_job, report


def compare(bus: SimulatedBus, spec: FabricSpec, seed: int, updates: int) -> int:
    """Random images and schedules until ``updates`` site updates are compared; how many were."""
    rng, driver, reference = np.random.default_rng(seed), FabricDriver(spec, bus), open_device("reference", spec)
    driver.check_identity()
    compared = 0
    while compared < updates:
        level = int(rng.integers(spec.levels))
        samples = max(2, min(updates, 2_000) // spec.n_sites // 2)
        schedule = Schedule(int(rng.integers(0, 4)), samples, 1, (), level)
        image = random_image(rng, spec)
        driver.load(image)
        driver.prepare(plan_run(image, schedule, 1, None, None, None), 0)
        states, _ = driver.run(schedule)
        reference.load(image)
        expected = reference.run(schedule).sites[0]
        wrong = np.argwhere(states != expected)
        assert not len(wrong), f"sample {wrong[0][0]} differs from the reference, at site {wrong[0][1]} first"
        drawing = spec.n_sites if image.order is None else int(image.order.is_root.sum())
        compared += schedule.n_sweeps * drawing
    return compared


@cocotb.test()
async def every_state_of_every_run(dut: FabricPorts) -> None:
    job, bus = read_job(FabricJob), SimulatedBus(dut)
    await reset(dut)
    report(compared=await bridge(compare)(bus, job.spec, job.seed, job.updates))
