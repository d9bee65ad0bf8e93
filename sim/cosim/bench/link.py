"""Runs inside the simulator: a fabric behind its link, through ``rx`` and ``tx`` alone."""

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles

from thermofab.hw.host.architectures import loading_of
from thermofab.hw.host.driver import FabricDriver, split_schedule
from thermofab.hw.link.bursts import bursts
from thermofab.hw.link.frames import DATA_WORDS, INDEX_BITS, RING_WORDS, Kind, request
from thermofab.hw.link.info import LinkInfo
from thermofab.hw.spec import FabricSpec, Schedule, open_device, plan_run
from thermofab.sim.conformance import random_image
from thermofab.sim.cosim.bench.link_host import Host, LinkPorts, Scoreboard
from thermofab.sim.cosim.jobs import read_job, report
from thermofab.sim.cosim.link import LinkJob

WHOLE = 80  # requests from which on a run is long enough for all 256 sequence numbers


@cocotb.test()
async def through_the_pins(dut: LinkPorts) -> None:
    """Who is there; writes once each; samples as often as they are asked for."""
    job = read_job(LinkJob)
    spec = job.spec
    dut.rx.value = 1
    dut.rst.value = 1
    Clock(dut.clk, 10, unit="ns").start()
    await ClockCycles(dut.clk, 3)
    dut.rst.value = 0
    await ClockCycles(dut.clk, 2)
    host = Host(dut, spec, job.divisor, job.seed)
    info = LinkInfo.of(await host.ask(Kind.INFO))
    host.coverage.hit("position: INFO")
    info.check(spec)
    assert (info.divisor, info.awaited, info.come) == (job.divisor, 0, 0)
    scratch = Scratch(host.scoreboard, spec)
    await registers(host, scratch, job.steps)
    await nonsense(host, scratch)
    if job.steps >= WHOLE:
        await wrap(host, scratch)
    compared = host.scoreboard.compared + await samples(host, spec, job.seed)
    report(compared=compared, coverage=host.coverage.counts)


class Scratch:
    """Registers that can be written with anything below ``fits`` and read back, and that nothing else depends on."""

    def __init__(self, board: Scoreboard, spec: FabricSpec) -> None:
        tables = board.map["TABLES"]
        if tables.access == "RW":
            self.base, self.count, self.fits = tables.base, min(60, tables.count), 2**spec.threshold_bits
        else:
            self.base, self.count, self.fits = board.map["SAMPLES"].base, 2, 2**32  # and STEPS, which follows
            assert board.map["STEPS"].base == self.base + 1


async def registers(host: Host, scratch: Scratch, steps: int) -> None:
    """Writes in and out of turn, damaged ones, noise, and reads, in random order."""
    rng, board = host.rng, host.scoreboard
    fits = scratch.fits

    async def write(**how) -> None:
        count = rng.randint(1, min(6, scratch.count))
        first = rng.randrange(scratch.count - count + 1)
        await host.write(scratch.base + first, [rng.randrange(1, fits) for _ in range(count)], **how)

    await host.write(scratch.base, [rng.randrange(1, fits) for _ in range(scratch.count)])
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
            await host.damage(request(Kind.WRITE, board.awaited, address=scratch.base, increment=True, data=data))
        elif choice == 5:
            await host.write(scratch.base, [rng.randrange(1, fits) for _ in range(3)], increment=False)
        elif choice == 6:
            await host.driver.send(b"\0\0\0")
            host.coverage.hit("damage: empty frames")
        await check(host, scratch)


async def nonsense(host: Host, scratch: Scratch) -> None:
    """What no host should send is complained of, and changes nothing."""
    board = host.scoreboard
    await host.refused(request(Kind.WRITE, board.awaited), "damage: a write without words")
    too_long = request(Kind.READ, 1, DATA_WORDS + 1, address=scratch.base, increment=True)
    await host.refused(too_long, "read: too long, refused")
    await host.refused(b"\1" * (4 * (DATA_WORDS + 3) + 5) + b"\0", "damage: a frame longer than any")
    await check(host, scratch)


async def wrap(host: Host, scratch: Scratch) -> None:
    """On until sequence numbers begin again; the last one, sent again, is then one whose turn is over."""
    board = host.scoreboard
    while board.awaited:
        await host.write(scratch.base, [host.rng.randrange(1, scratch.fits)])
    await host.write(scratch.base, [1 + board.registers[scratch.base] % (scratch.fits - 1)], number=255)
    await check(host, scratch)
    await host.write(scratch.base, [host.rng.randrange(1, scratch.fits)])
    await check(host, scratch)


async def check(host: Host, scratch: Scratch) -> None:
    count = min(8, scratch.count)
    first = scratch.base + host.rng.randrange(scratch.count - count + 1)
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


async def samples(host: Host, spec: FabricSpec, seed: int) -> int:
    """A run, its samples asked for again and again, acknowledged late; the number of states compared."""
    image = random_image(np.random.default_rng(seed), spec)
    schedule = Schedule(2, 300, 1)
    plan = plan_run(image, schedule, 1, None, None, None)
    reference = open_device("reference", spec)
    reference.load(image)
    expected = reference.run(schedule).sites[0]

    recorder = Recorder()
    driver = FabricDriver(spec, recorder)
    driver.load(image)
    driver.prepare(plan, 0)
    driver.write("STREAM", 1)
    [run] = split_schedule(schedule)
    driver.start(run)
    for burst in bursts(np.array(recorder.addresses), np.array(recorder.data)):
        await host.write(burst.address, np.frombuffer(burst.data, "<u4").tolist(), increment=burst.increment)
    words, modulus, rewinds = np.zeros(0, dtype=np.uint32), 2**INDEX_BITS, 0
    acknowledged = 0
    per_sample = loading_of(spec).sample_words
    while len(words) < len(expected) * per_sample:
        frame = host.samples.pop(0) if host.samples else await host.monitor.next(host.longest)
        if frame is None:  # the ring is full, or the rest does not fill a frame
            kept = ((await host.ask(Kind.INFO)).number - acknowledged) % modulus
            assert kept <= RING_WORDS
            host.coverage.hit("samples: the ring is full", kept >= RING_WORDS - 4)
            host.coverage.hit("samples: acknowledged alone")
            await host.driver.send(request(Kind.ACK, 0, len(words) % modulus))
            acknowledged = len(words)
            await host.ask(Kind.FETCH, acknowledged % modulus)
            continue
        assert frame.kind is Kind.DATA
        host.coverage.hit("samples: full frames", len(frame.words) == DATA_WORDS)
        host.coverage.hit("samples: a frame that is not full", len(frame.words) < DATA_WORDS)
        host.coverage.hit("position: busy", frame.busy)
        at = next(k for k in range(len(words), -1, -1) if k % modulus == frame.number % modulus)
        overlap = words[at : at + len(frame.words)]
        assert np.array_equal(overlap, frame.words[: len(overlap)]), "a word sent again is the same word"
        words = np.concatenate([words[:at], frame.words, words[at + len(frame.words) :]])
        # All of them again before any is acknowledged, so that the ring fills; and some of those that come after.
        if rewinds == 0 and len(words) >= 120 or rewinds == 1 and 0 < acknowledged < len(words):
            rewinds += 1
            host.coverage.hit("samples: asked for again")
            acknowledged = acknowledged and host.rng.randint(acknowledged, len(words) - 1)
            await host.ask(Kind.FETCH, acknowledged % modulus)
    assert rewinds == 2
    states = loading_of(spec).samples(words.reshape(-1, per_sample))
    assert np.array_equal(states, expected), "the samples are the reference's"
    position = await host.ask(Kind.FETCH, len(words) % modulus)
    assert not position.busy and position.number == len(words) % modulus
    return expected.size
