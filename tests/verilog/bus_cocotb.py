"""Runs inside the simulator: an example of ``thermofab rtl --example`` under public bus models that pause at random.

The environment says what to do: ``THERMOFAB_KIT`` is the folder of the example, ``THERMOFAB_SEED`` fixes all choices,
``THERMOFAB_FACTS`` is JSON with word addresses of registers, the mask of a sample and an address beyond the last one.
"""

# The bus models' answers and channels are made at run time.
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

import json
import os
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, Timer, with_timeout
from cocotbext.axi import (  # pyright: ignore[reportMissingImports]
    AxiLiteBus,
    AxiLiteMaster,
    AxiResp,
    AxiStreamBus,
    AxiStreamSink,
)

KIT, SEED = Path(os.environ["THERMOFAB_KIT"]), int(os.environ["THERMOFAB_SEED"])
FACTS = json.loads(os.environ["THERMOFAB_FACTS"])
AT, MASK, BEYOND = FACTS["at"], FACTS["mask"], FACTS["beyond"]
START, ABORT = 1, 2
FREE = ("SAMPLES", "STEPS")  # registers that take any 32 bits


def numbers(name: str) -> list[list[int]]:
    lines = [line.split("//")[0].split() for line in (KIT / name).read_text().splitlines()]
    return [[int(word, 16) for word in line] for line in lines if line]


def pauses(share: float, seed: int):
    """Whether to pause, clock after clock."""
    drawn = random.Random(seed)
    while True:
        yield drawn.random() < share


class Axi:
    """Word accesses over cocotbext-axi's AXI4-Lite master; all five channels pause at random."""

    def __init__(self, dut) -> None:
        self.master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)
        writing, reading = self.master.write_if, self.master.read_if
        channels = (writing.aw_channel, writing.w_channel, writing.b_channel, reading.ar_channel, reading.r_channel)
        for number, channel in enumerate(channels):
            channel.set_pause_generator(pauses(0.4, SEED + number))

    async def write(self, address: int, data: int, octets: range = range(4)) -> bool:
        """Write some bytes of a word; whether the bus said that it went well."""
        sent = data.to_bytes(4, "little")[octets.start : octets.stop]
        return (await self.master.write(4 * address + octets.start, sent)).resp == AxiResp.OKAY

    async def read(self, address: int) -> tuple[int, bool]:
        answer = await self.master.read(4 * address, 4)
        assert answer.resp in (AxiResp.OKAY, AxiResp.SLVERR)
        return int.from_bytes(answer.data, "little"), answer.resp == AxiResp.OKAY

    async def write_all(self, writes: list[list[int]]) -> None:
        """Many writes, all outstanding at once as far as the slave takes them."""
        events = [self.master.init_write(4 * address, data.to_bytes(4, "little")) for address, data in writes]
        for event in events:
            await event.wait()
            assert event.data.resp == AxiResp.OKAY


class Wishbone:
    """The same over cocotbext-wishbone's master."""

    def __init__(self, dut) -> None:
        from cocotbext.wishbone.driver import WishboneMaster  # pyright: ignore[reportMissingImports]

        names = {"cyc": "cyc", "stb": "stb", "we": "we", "adr": "adr", "datwr": "dat_w", "datrd": "dat_r", "ack": "ack"}
        self.master = WishboneMaster(dut, "wb", dut.clk, timeout=50, signals_dict=names)
        self.drawn = random.Random(SEED)

    async def cycle(self, operations: list[tuple[int, int | None, int]]):
        from cocotbext.wishbone.driver import WBOp  # pyright: ignore[reportMissingImports]

        idle = self.drawn.choice((0, 0, 1, 3))
        return await self.master.send_cycle(
            [WBOp(adr, dat=dat, sel=sel, idle=idle, acktimeout=50) for adr, dat, sel in operations]
        )

    async def write(self, address: int, data: int, octets: range = range(4)) -> bool:
        (answer,) = await self.cycle([(address, data, sum(1 << k for k in octets))])
        assert int(answer.ack) in (1, 2)
        return int(answer.ack) == 1

    async def read(self, address: int) -> tuple[int, bool]:
        (answer,) = await self.cycle([(address, None, 15)])
        return int(answer.datrd), int(answer.ack) == 1

    async def write_all(self, writes: list[list[int]]) -> None:
        for first in range(0, len(writes), 16):
            answers = await self.cycle([(address, data, 15) for address, data in writes[first : first + 16]])
            assert all(int(answer.ack) == 1 for answer in answers)


class Offered:
    """Watches the stream: a word on offer stays, unchanged, until it is taken."""

    def __init__(self, dut) -> None:
        self.dut, self.waited = dut, 0
        cocotb.start_soon(self.watch())

    async def watch(self) -> None:
        dut, before = self.dut, None
        while True:
            await RisingEdge(dut.clk)
            now = tuple(int(signal.value) for signal in (dut.samples_tdata, dut.samples_tlast, dut.samples_tuser))
            valid, ready = int(dut.samples_tvalid.value), int(dut.samples_tready.value)
            if before is not None:
                assert valid and now == before, "a word on offer was taken back or changed"
            before = now if valid and not ready else None
            self.waited += before is not None


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def public_models_run_the_example(dut) -> None:
    drawn = random.Random(SEED)
    dut.rst.value = 1
    sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "samples"), dut.clk, dut.rst)
    sink.set_pause_generator(pauses(0.5, SEED + 9))
    if "axi4lite" in os.environ["COCOTB_TOPLEVEL"]:
        bus = Axi(dut)
    else:
        await Timer(1, "ns")  # what this model sets at once at time 0 does not reach the logic in Icarus
        bus = Wishbone(dut)
    Clock(dut.clk, 10, unit="ns").start()
    await ClockCycles(dut.clk, 4)
    dut.rst.value = 0
    await ClockCycles(dut.clk, 2)
    offered = Offered(dut)
    assert await bus.read(AT["ID"]) == (0x54464142, True)

    # Whole words are written, parts of them are refused and change nothing, wherever reads are under way.
    kept = {name: (await bus.read(AT[name]))[0] for name in FREE}
    refused = 0
    for _ in range(60):
        name, data = drawn.choice(FREE), drawn.getrandbits(32)
        first = drawn.randrange(4)
        octets = drawn.choice((range(4), range(first, drawn.randint(first + 1, 4))))
        other = FREE[FREE.index(name) - 1]
        reading = cocotb.start_soon(bus.read(AT[other])) if isinstance(bus, Axi) else None
        went_well = await bus.write(AT[name], data, octets)
        assert went_well == (octets == range(4))
        refused += not went_well
        kept[name] = data if went_well else kept[name]
        if reading is not None:
            assert await reading == (kept[other], True)
        assert await bus.read(AT[name]) == (kept[name], True)
    assert 10 < refused < 50
    if BEYOND is not None:
        assert not await bus.write(BEYOND, 1) and not (await bus.read(BEYOND))[1]
    assert await bus.read(AT["ERRORS"]) == (0, True)

    expected = numbers("expected.hex")
    for cut in (False, True, False):
        await bus.write_all(numbers("image.hex"))
        assert await bus.read(AT["ERRORS"]) == (0, True)
        sink.set_pause_generator(pauses(0.5, SEED + 10))
        assert await bus.write(AT["CONTROL"], START)
        for number, sample in enumerate(expected[: 2 if cut else None]):
            frame = await with_timeout(sink.recv(compact=False), 2, "ms")
            words = [int.from_bytes(frame.tdata[k : k + 4], "little") for k in range(0, len(frame.tdata), 4)]
            assert [word & mask for word, mask in zip(words, MASK, strict=True)] == sample, f"sample {number}"
            assert not any(frame.tuser)
        if cut:
            # The reader sleeps until the fabric waits with the first word of a packet passed on; then it is broken off.
            sink.set_pause_generator()
            sink.pause = True
            await ClockCycles(dut.clk, 2000)
            assert int(dut.samples_tvalid.value) and int(dut.busy.value)
            assert await bus.write(AT["CONTROL"], ABORT)
            while int(dut.busy.value):
                await RisingEdge(dut.clk)
            sink.pause = False
            await ClockCycles(dut.clk, 20)
            assert not int(dut.samples_tvalid.value)
            last = None
            while not sink.empty():
                last = sink.recv_nowait(compact=False)
            assert last is not None and len(last.tdata) <= 4 * len(MASK)
        else:
            while int(dut.busy.value):
                await RisingEdge(dut.clk)
            await ClockCycles(dut.clk, 20)
            assert sink.empty() and not int(dut.samples_tvalid.value)
    assert offered.waited > 20
