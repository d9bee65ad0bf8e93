"""Runs inside the simulator: a fabric behind its link, through ``rx`` and ``tx`` alone.

The environment says what to do: ``THERMOFAB_FABRIC`` is a file with the spec, ``THERMOFAB_DIVISOR`` the clocks a bit,
``THERMOFAB_SEED`` fixes all choices, ``THERMOFAB_STEPS`` is the number of requests of the random part,
``THERMOFAB_REPORT`` the file for the count of answers and words compared.
"""

import json
import os
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles
from link_bench import Host

from thermofab.hw.link.bursts import bursts
from thermofab.hw.link.frames import INDEX_BITS, Kind, request
from thermofab.hw.link.info import LinkInfo
from thermofab.hw.rtl.driver import FabricDriver, split_schedule
from thermofab.hw.spec import FabricSpec, Schedule, open_device, plan_run
from thermofab.sim.conformance import random_image

SPEC = FabricSpec.from_json(json.loads(Path(os.environ["THERMOFAB_FABRIC"]).read_text()))
DIVISOR, SEED = int(os.environ["THERMOFAB_DIVISOR"]), int(os.environ["THERMOFAB_SEED"])


@cocotb.test()
async def through_the_pins(dut) -> None:
    """Who is there; writes once each; samples as often as they are asked for."""
    dut.rx.value = 1
    dut.rst.value = 1
    Clock(dut.clk, 10, unit="ns").start()
    await ClockCycles(dut.clk, 3)
    dut.rst.value = 0
    await ClockCycles(dut.clk, 2)
    host = Host(dut, SPEC, DIVISOR, SEED)
    info = LinkInfo.of(await host.ask(Kind.INFO))
    info.check(SPEC)
    assert (info.divisor, info.awaited, info.come) == (DIVISOR, 0, 0)
    await registers(host, int(os.environ["THERMOFAB_STEPS"]))
    compared = host.scoreboard.compared + await samples(host)
    Path(os.environ["THERMOFAB_REPORT"]).write_text(str(compared))
    dut._log.info(f"{compared} answers and words compared, 0 differ")


async def registers(host: Host, steps: int) -> None:
    """Writes in and out of turn, damaged ones, noise, and reads, in random order."""
    rng, board = host.rng, host.scoreboard
    tables = board.map["TABLES"]
    fits = 2**SPEC.threshold_bits

    async def write(**how) -> None:
        count = rng.randint(1, min(6, tables.count))
        first = rng.randrange(tables.count - count + 1)
        await host.write(tables.base + first, [rng.randrange(1, fits) for _ in range(count)], **how)

    await host.write(tables.base, [rng.randrange(1, fits) for _ in range(min(60, tables.count))])
    for step in range(steps):
        choice = step % 8
        if choice in (0, 4):
            await write()
        elif choice == 1:  # the last WRITE's number again, with other data
            await write(number=board.awaited - 1)
        elif choice == 2:
            await write(number=board.awaited + rng.randint(1, 254))
        elif choice == 3:
            data = np.array([rng.randrange(1, fits)], "<u4").tobytes()
            await host.damage(request(Kind.WRITE, board.awaited, address=tables.base, increment=True, data=data))
        elif choice == 5:
            await host.write(tables.base, [rng.randrange(1, fits) for _ in range(3)], increment=False)
        elif choice == 6:
            await host.driver.send(b"\0\0\0")
        await check(host)


async def check(host: Host) -> None:
    tables = host.scoreboard.map["TABLES"]
    count = min(8, tables.count)
    first = tables.base + host.rng.randrange(min(60, tables.count) - count + 1)
    host.scoreboard.check_read(first, await host.read(first, count))


class Recorder:
    """A register bus that keeps what the driver writes; every register reads zero."""

    def __init__(self) -> None:
        self.addresses: list[int] = []
        self.data: list[int] = []

    def write(self, addresses, data) -> None:
        self.addresses += [int(address) for address in addresses]
        self.data += [int(word) for word in data]

    def read(self, address: int) -> int:
        return 0

    def collect(self, words: int) -> np.ndarray:
        raise AssertionError("loading collects no samples")

    def wait(self) -> None:
        """Nothing runs."""


async def samples(host: Host) -> int:
    """A run, its samples asked for again and again, acknowledged late; the number of states compared."""
    image = random_image(np.random.default_rng(SEED), SPEC)
    schedule = Schedule(2, 300, 1)
    plan = plan_run(image, schedule, 1, None, None, None)
    reference = open_device("reference", SPEC)
    reference.load(image)
    expected = reference.run(schedule).sites[0]

    recorder = Recorder()
    driver = FabricDriver(SPEC, recorder)
    driver.load(image)
    driver.prepare(plan, 0)
    driver.write("STREAM", 1)
    [run] = split_schedule(schedule)
    driver.start(run)
    for burst in bursts(np.array(recorder.addresses), np.array(recorder.data)):
        await host.write(burst.address, np.frombuffer(burst.data, "<u4").tolist(), increment=burst.increment)
    words, modulus, rewinds = np.zeros(0, dtype=np.uint32), 2**INDEX_BITS, 0
    acknowledged = 0
    while len(words) < len(expected):
        frame = host.samples.pop(0) if host.samples else await host.monitor.next(host.longest)
        if frame is None:  # the ring is full, or the rest does not fill a frame
            await host.driver.send(request(Kind.ACK, 0, len(words) % modulus))
            acknowledged = len(words)
            await host.ask(Kind.FETCH, acknowledged % modulus)
            continue
        assert frame.kind is Kind.DATA
        at = next(k for k in range(len(words), -1, -1) if k % modulus == frame.number % modulus)
        overlap = words[at : at + len(frame.words)]
        assert np.array_equal(overlap, frame.words[: len(overlap)]), "a word sent again is the same word"
        words = np.concatenate([words[:at], frame.words, words[at + len(frame.words) :]])
        if rewinds < 2 and len(words) >= 120:
            rewinds += 1
            await host.ask(Kind.FETCH, host.rng.randint(acknowledged, len(words)) % modulus)
    assert rewinds == 2
    states = (words[:, None] >> np.arange(SPEC.n_sites)) & 1
    assert np.array_equal(states, expected), "the samples are the reference's"
    position = await host.ask(Kind.FETCH, len(words) % modulus)
    assert not position.busy and position.number == len(words) % modulus
    return expected.size
