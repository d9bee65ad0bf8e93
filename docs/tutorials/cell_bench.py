"""Runs inside the simulator: drives the p-bit cells, and compares one of them
with the reference after every clock.
"""

import json
import os
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge


@cocotb.test()
async def every_bit_is_the_references(dut):
    cases, cell = (
        json.loads(Path(os.environ["CELL_CASES"]).read_text()),
        int(os.environ["CELL"]),
    )
    dut.rst.value = 0
    dut.update.value = 0
    Clock(dut.clk, 10, "ns").start()
    await FallingEdge(dut.clk)  # all is set and read in the middle of a clock
    for case in cases:
        dut.seed.value = case["seed"]
        dut.neighbours.value = case["neighbours"]
        dut.load.value = 1
        await FallingEdge(dut.clk)
        dut.load.value = 0
        dut.update.value = 1
        for number, expected in enumerate(case["expected"]):
            await FallingEdge(dut.clk)
            state = int(dut.state.value) >> cell & 1
            assert state == expected, (
                f"neighbours {case['neighbours']:04b}, update {number}: {state} is not {expected}"
            )
        dut.update.value = 0
