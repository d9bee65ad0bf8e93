"""Runs inside the simulator: drives the p-bit cells, and compares one of them
with the reference after every clock.
"""

from dataclasses import dataclass
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from thermofab.sim.cosim.jobs import Job, read_job, report


@dataclass(frozen=True)
class CellJob(Job):
    """What to compare: the cell's number, and cases of a seed, neighbours and
    expected states.
    """

    cases: list[dict[str, Any]]
    cell: int


@cocotb.test()
async def every_bit_is_the_references(dut):
    job = read_job(CellJob)
    dut.rst.value = 0
    dut.update.value = 0
    Clock(dut.clk, 10, "ns").start()
    await FallingEdge(dut.clk)  # all is set and read in the middle of a clock
    for case in job.cases:
        dut.seed.value = case["seed"]
        dut.neighbours.value = case["neighbours"]
        dut.load.value = 1
        await FallingEdge(dut.clk)
        dut.load.value = 0
        dut.update.value = 1
        for number, expected in enumerate(case["expected"]):
            await FallingEdge(dut.clk)
            state = int(dut.state.value) >> job.cell & 1
            assert state == expected, (
                f"neighbours {case['neighbours']:04b}, update {number}: {state} is not {expected}"
            )
        dut.update.value = 0
    report(cases=len(job.cases))
