"""The parts of a serial link's bench: line driver, line monitor, scoreboard, and the host that uses them.

The driver and the monitor know a UART and nothing else of the design; the scoreboard knows the protocol.
"""

import random
from collections import deque
from typing import Protocol

import cocotb
import numpy as np
from cocotb.handle import LogicObject
from cocotb.triggers import ClockCycles, Event, FallingEdge, First

from thermofab.hw.host.architectures import loading_of
from thermofab.hw.host.registers import RegisterMap
from thermofab.hw.link.frames import DATA_WORDS, Deframer, Frame, Kind, parse, request
from thermofab.hw.spec import FabricSpec
from thermofab.sim.cosim.coverage import Coverage, link_bins


class LinkPorts(Protocol):
    """A fabric behind its link."""

    clk: LogicObject
    rst: LogicObject
    rx: LogicObject
    tx: LogicObject


class LineDriver:
    """Shifts bytes into ``rx``, a bit every ``divisor`` clocks."""

    def __init__(self, dut: LinkPorts, divisor: int) -> None:
        self.dut, self.divisor = dut, divisor
        dut.rx.value = 1

    async def send(self, octets: bytes) -> None:
        for octet in octets:
            for bit in (0, *(octet >> k & 1 for k in range(8)), 1):
                self.dut.rx.value = bit
                await ClockCycles(self.dut.clk, self.divisor)


class LineMonitor:
    """Reads ``tx`` in the middle of each bit; every frame must be whole."""

    def __init__(self, dut: LinkPorts, divisor: int) -> None:
        self.dut, self.divisor = dut, divisor
        self.frames: deque[Frame] = deque()
        self.came = Event()
        self.octets = 0

    async def run(self) -> None:
        dut, deframer = self.dut, Deframer()
        while True:
            if int(dut.tx.value):
                await FallingEdge(dut.tx)
            await ClockCycles(dut.clk, self.divisor // 2)
            octet = 0
            for bit in range(9):
                await ClockCycles(dut.clk, self.divisor)
                octet |= int(dut.tx.value) << bit
            assert octet >> 8, "a stop bit is high"
            self.octets += 1
            for stuffed in deframer.feed(bytes([octet & 0xFF])):
                frame = parse(stuffed)
                assert frame is not None, f"the board sent a frame that is none: {stuffed.hex()}"
                self.frames.append(frame)
                self.came.set()

    async def next(self, clocks: int) -> Frame | None:
        """The next frame, ``None`` if none comes in so many clocks."""
        if not self.frames:
            self.came.clear()
            await First(self.came.wait(), ClockCycles(self.dut.clk, clocks))
        return self.frames.popleft() if self.frames else None


class Scoreboard:
    """What the registers hold and the board waits for, if every WRITE in its turn happens once and no other at all."""

    def __init__(self, spec: FabricSpec) -> None:
        self.map: RegisterMap = loading_of(spec).map
        self.awaited = 0
        self.registers: dict[int, int] = {}
        self.compared = 0

    def wrote(self, number: int, address: int, increment: bool, words: list[int]) -> None:
        """A WRITE has arrived whole."""
        if number == self.awaited:
            self.awaited = (self.awaited + 1) % 256
            for k, word in enumerate(words):
                self.registers[address + k * increment] = word

    def check_answer(self, frame: Frame | None, kind: Kind, tag: int) -> Frame:
        assert frame is not None, f"no answer to {kind.name}"
        tag = frame.tag if kind is Kind.REFUSED else tag
        assert (frame.kind, frame.tag) == (kind, tag), f"the answer to {kind.name} {tag} is {frame}"
        assert kind is not Kind.WRITE or frame.number == self.awaited, f"waits for {frame.number}, not {self.awaited}"
        self.compared += 1
        return frame

    def check_read(self, address: int, words: np.ndarray) -> None:
        expected = [self.registers[address + k] for k in range(len(words))]
        assert words.tolist() == expected, f"registers from {address} on read {words.tolist()}, not {expected}"
        self.compared += len(words)


class Host:
    """Asks one thing at a time, and checks every answer against the scoreboard."""

    def __init__(self, dut: LinkPorts, spec: FabricSpec, divisor: int, seed: int) -> None:
        self.driver, self.monitor = LineDriver(dut, divisor), LineMonitor(dut, divisor)
        self.scoreboard, self.rng = Scoreboard(spec), random.Random(seed)
        self.longest = 10 * divisor * 4 * (DATA_WORDS + 3) * 3  # clocks until an answer must have come
        self.samples: list[Frame] = []
        self.coverage = Coverage(link_bins())
        cocotb.start_soon(self.monitor.run())

    async def answer(self) -> Frame | None:
        """The next frame that is no sample; samples are put aside."""
        while (frame := await self.monitor.next(self.longest)) is not None:
            if frame.kind is not Kind.DATA:
                return frame
            self.samples.append(frame)
        return None

    async def ask(self, kind: Kind, number: int = 0, **rest) -> Frame:
        tag = self.rng.randrange(256)
        await self.driver.send(request(kind, tag, number, **rest))
        return self.scoreboard.check_answer(await self.answer(), kind, tag)

    async def write(self, address: int, words: list[int], *, number: int | None = None, increment: bool = True) -> None:
        """A WRITE, in its turn unless ``number`` says otherwise."""
        board, cover = self.scoreboard, self.coverage
        number = board.awaited if number is None else number % 256
        cover.hit("write: in its turn", number == board.awaited)
        cover.hit("write: repeated", number == (board.awaited - 1) % 256)
        cover.hit("write: out of turn", number not in (board.awaited, (board.awaited - 1) % 256))
        cover.hit("write: the sequence number wraps", number == board.awaited == 255)
        cover.hit("write: one address for all words", not increment and len(words) > 1)
        data = np.array(words, dtype="<u4").tobytes()
        await self.driver.send(request(Kind.WRITE, number, address=address, increment=increment, data=data))
        self.scoreboard.wrote(number, address, increment, words)
        self.scoreboard.check_answer(await self.answer(), Kind.WRITE, number)

    async def damage(self, octets: bytes) -> None:
        """A frame with one octet changed: complained of, and without effect."""
        out = bytearray(octets)
        at = self.rng.randrange(1, len(out) - 1)
        out[at] = self.rng.choice([value for value in range(1, 256) if value != out[at]])
        await self.driver.send(bytes(out))
        self.scoreboard.check_answer(await self.answer(), Kind.REFUSED, 0)
        self.coverage.hit("damage: an octet changed")

    async def refused(self, octets: bytes, why: str) -> None:
        """Octets that are answered with a complaint and have no effect."""
        await self.driver.send(octets)
        self.scoreboard.check_answer(await self.answer(), Kind.REFUSED, 0)
        self.coverage.hit(why)

    async def read(self, address: int, count: int) -> np.ndarray:
        frame = await self.ask(Kind.READ, count, address=address, increment=True)
        assert len(frame.words) == count
        self.coverage.hit("read: of several words", count > 1)
        self.coverage.hit("position: busy", frame.busy)
        self.coverage.hit("position: idle", not frame.busy)
        return frame.words
