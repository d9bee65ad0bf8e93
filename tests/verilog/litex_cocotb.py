"""Runs inside the simulator: the SoC of ``litex_soc.py`` under a Wishbone master on its pins.

``THERMOFAB_FACTS`` is JSON: the folder of the kit (``kit``), byte addresses of the fabric (``origin``) and of the CSRs
(``csr``), word addresses of registers (``at``), the ``mask`` of a sample, and an address ``beyond`` the last register.
"""

import json
import os
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge

FACTS = json.loads(os.environ["THERMOFAB_FACTS"])
KIT, ORIGIN, CSR, AT, MASK = Path(FACTS["kit"]), FACTS["origin"], FACTS["csr"], FACTS["at"], FACTS["mask"]
START, ABORT, BUSY = 1, 2, 1
LAST, CUT = 1 << 16, 1 << 17
PATIENCE = 20_000  # looks at the FIFO without a word


def numbers(name: str) -> list[list[int]]:
    lines = [line.split("//")[0].split() for line in (KIT / name).read_text().splitlines()]
    return [[int(word, 16) for word in line] for line in lines if line]


class Master:
    """Wishbone, classic cycles; what it drives changes after rising edges, what it reads is read at them."""

    def __init__(self, dut) -> None:
        self.dut = dut
        for pin in (dut.wb_cyc, dut.wb_stb, dut.wb_we, dut.wb_adr, dut.wb_dat_w, dut.wb_sel, dut.wb_cti, dut.wb_bte):
            pin.value = 0

    async def access(self, address: int, data: int | None, sel: int = 0xF) -> tuple[int, bool]:
        """Write ``data`` to a byte address, or read where it is None; what was read, and whether all went well."""
        dut = self.dut
        dut.wb_cyc.value = dut.wb_stb.value = 1
        dut.wb_we.value, dut.wb_sel.value, dut.wb_adr.value = int(data is not None), sel, address >> 2
        dut.wb_dat_w.value = data or 0
        for _ in range(20):
            await RisingEdge(dut.clk)
            if int(dut.wb_ack.value):
                break
        else:
            raise AssertionError(f"byte address {address:#x} is not answered")
        answer = (
            int(dut.wb_dat_r.value) if data is None and not int(dut.wb_err.value) else 0,
            not int(dut.wb_err.value),
        )
        dut.wb_cyc.value = dut.wb_stb.value = 0
        await RisingEdge(dut.clk)
        return answer

    async def write(self, address: int, data: int) -> None:
        assert (await self.access(address, data))[1], f"byte address {address:#x} is refused"

    async def read(self, address: int) -> int:
        value, well = await self.access(address, None)
        assert well, f"byte address {address:#x} is refused"
        return value


async def take(master: Master) -> tuple[int, int]:
    """The FIFO's next word, and what ``tsu_level`` said of it."""
    for _ in range(PATIENCE):
        level = await master.read(CSR["tsu_level"])
        if level & 0xFFFF:
            return await master.read(CSR["tsu_sample"]), level
    raise AssertionError("no word of the stream")


def register(name: str) -> int:
    return ORIGIN + 4 * AT[name]


async def ready(dut) -> Master:
    """The SoC after its reset, with the example's image in the fabric."""
    master = Master(dut)
    dut.rst.value = 1
    Clock(dut.clk, 10, unit="ns").start()
    await ClockCycles(dut.clk, 5)
    dut.rst.value = 0
    await ClockCycles(dut.clk, 5)
    for address, data in numbers("image.hex"):
        await master.write(ORIGIN + 4 * address, data)
    assert await master.read(register("ERRORS")) == 0
    return master


@cocotb.test()
async def samples_are_the_references(dut) -> None:
    """Through a FIFO that is full, and stops the fabric, before the first word is taken."""
    master = await ready(dut)
    assert await master.read(register("ID")) == 0x54464142
    assert await master.read(CSR["tsu_level"]) == 0
    await master.write(register("CONTROL"), START)
    await ClockCycles(dut.clk, 3000)
    level = await master.read(CSR["tsu_level"])
    await ClockCycles(dut.clk, 1000)
    assert await master.read(CSR["tsu_level"]) == level and level & 0xFFFF == FACTS["held"]
    assert await master.read(register("STATUS")) & BUSY
    for expected in numbers("expected.hex"):
        for index, word in enumerate(expected):
            value, level = await take(master)
            assert value & MASK[index] == word
            assert bool(level & LAST) == (index == len(expected) - 1) and not level & CUT
    await ClockCycles(dut.clk, 100)
    assert not await master.read(register("STATUS")) & BUSY
    assert await master.read(CSR["tsu_level"]) == 0


@cocotb.test()
async def refusals_are_acknowledged(dut) -> None:
    """A master that waits for ACK goes on, and sees ERR; nothing is written."""
    master = await ready(dut)
    before = await master.read(register("SAMPLES"))
    assert await master.access(register("SAMPLES"), before ^ 1, sel=0x3) == (0, False)
    assert await master.read(register("SAMPLES")) == before
    for data in (None, 1):
        assert await master.access(ORIGIN + 4 * FACTS["beyond"], data) == (0, False)
    assert await master.read(register("ERRORS")) == 0


@cocotb.test()
async def an_abort_within_a_sample_is_told(dut) -> None:
    """What an abort leaves in the FIFO ends with a whole sample, or with one that says it is cut; both are seen."""
    cuts = set()
    for taken in (0, 1):
        master = await ready(dut)
        await master.write(register("CONTROL"), START)
        for _ in range(taken):
            await take(master)
        await ClockCycles(dut.clk, 3000)
        await master.write(register("CONTROL"), ABORT)
        count, level = taken, 0
        while await master.read(CSR["tsu_level"]) & 0xFFFF:
            _, level = await take(master)
            count += 1
        assert level & LAST, "the packet is ended"
        cuts.add(bool(level & CUT))
    assert cuts == {False, True}
