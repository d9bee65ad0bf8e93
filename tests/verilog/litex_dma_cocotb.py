"""Runs inside the simulator: the SoC of ``litex_dma_soc.py``, whose DMA brings the samples to a memory."""

import cocotb
from cocotb.triggers import ClockCycles

from tests.verilog.litex_cocotb import CSR, FACTS, MASK, START, numbers, ready, register


@cocotb.test()
async def samples_lie_in_the_memory(dut) -> None:
    master = await ready(dut)
    expected = [word for line in numbers("expected.hex") for word in line]
    await master.write(CSR["dma_base"], 0)  # the upper half first, as LiteX orders words
    await master.write(CSR["dma_base"] + 4, FACTS["memory"])
    await master.write(CSR["dma_length"], 4 * len(expected))
    await master.write(CSR["dma_enable"], 1)
    await master.write(register("CONTROL"), START)
    for _ in range(2000):
        if await master.read(CSR["dma_done"]):
            break
        await ClockCycles(dut.clk, 10)
    else:
        raise AssertionError(f"{await master.read(CSR['dma_offset'])} words of {len(expected)} came")
    words = [await master.read(FACTS["memory"] + 4 * index) for index in range(len(expected))]
    assert [word & MASK[index % len(MASK)] for index, word in enumerate(words)] == expected
