"""The driver at a pseudo-terminal, the compiled gateware behind it: the same bits, whatever happens on the line.

Shares of frames hit are such that a run without a single fault has a probability below 1e-6, which the counts check.
"""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from thermofab.hw.host import registers as rm
from thermofab.hw.host.architectures import register_map
from thermofab.hw.host.driver import FabricDriver
from thermofab.hw.link.device import SerialDevice
from thermofab.hw.link.frames import DATA_WORDS, RING_WORDS, Frame, Kind, request
from thermofab.hw.link.port import open_port, port_address
from thermofab.hw.link.transport import LinkBus
from thermofab.hw.spec import DeviceError, Schedule, SpecError, fabric, open_device
from thermofab.sim.conformance import compare, random_case, random_image
from thermofab.sim.rtl.board import SimulatedBoard, simulated_board
from thermofab.sim.rtl.line import FaultyLine, faulty_line

pytestmark = pytest.mark.rtl

TORUS = fabric("g4-4x4-torus")
FABRICS = {
    "more than 32 sites": (fabric("king-5x7", profile="fine", rng="xoshiro128+", levels=3, min_shift=8), 3),
    "relay": (fabric("g8-4x5", architecture="relay"), 2),
    "no dither, one level": (fabric("complete-6", dither_bits=0, threshold_bits=16, levels=1, rng="lfsr32"), 1),
}
LONG = Schedule(5, 1500, 2)


@pytest.fixture(scope="module")
def board():
    running = SimulatedBoard(TORUS, divisor=2)
    yield running
    counters = running.counters
    running.close()
    assert counters.broken == 0, "every octet the board sent had its stop bit"


@pytest.fixture
def device(board):
    opened = open_device(f"serial://{board.path}", TORUS)
    assert isinstance(opened, SerialDevice)
    with opened:
        yield opened


@pytest.fixture(scope="module")
def expected():
    """An image, and what the reference makes of it."""
    image = random_image(np.random.default_rng(3), TORUS)
    reference = open_device("reference", TORUS)
    reference.load(image)
    return image, reference.run(LONG, replicas=2).sites


# The same bits.


@pytest.mark.parametrize("seed", range(3))
def test_same_bits_as_the_reference(board, seed):
    case = random_case(np.random.default_rng(seed), "torus", 8000, TORUS)
    outcome = compare(f"serial://{board.path}", case)
    assert outcome.differing == 0 and outcome.compared > 0, outcome.first


@pytest.mark.parametrize("name", FABRICS)
def test_other_fabrics_and_divisors(name):
    spec, divisor = FABRICS[name]
    with simulated_board(spec, divisor=divisor) as path:
        for seed in range(2):
            case = random_case(np.random.default_rng(seed), name, 4000, spec)
            outcome = compare(f"serial://{path}?baud=3000000", case)
            assert outcome.differing == 0 and outcome.compared > 0, outcome.first


def test_same_bits_as_jax(device):
    image = random_image(np.random.default_rng(11), TORUS)
    sites = []
    for running in (device, open_device("jax", TORUS)):
        running.load(image)
        sites.append(running.run(Schedule(3, 100, 2, anneal=((2, 1), (3, 2))), replicas=3).sites)
    assert np.array_equal(*sites)


def test_cycles_are_those_of_the_board(device):
    device.load(random_image(np.random.default_rng(0), TORUS))
    ledger = device.run(Schedule(10, 20, 3), replicas=2).ledger
    assert (ledger.sweeps, ledger.cycles_are) == (2 * (10 + 19 * 3), "measured")
    assert ledger.cycles >= ledger.sweeps * 2
    assert device.info().bit_exact and device.info().description.endswith("at 100 MHz")


def test_a_clean_line_damages_nothing(device, expected):
    image, sites = expected
    device.load(image)
    assert np.array_equal(device.run(LONG, replicas=2).sites, sites)
    assert device.counters.damaged == 0


# A bad line.


@pytest.mark.parametrize("share, seed", [(0.01, 1), (0.1, 2), (0.1, 3)])
def test_a_bad_line_changes_nothing(board, expected, share, seed):
    image, sites = expected
    line = FaultyLine(board.path, share, seed)
    try:
        with SerialDevice(TORUS, url=f"serial://{line.path}", sendings=30) as device:
            while sum(line.frames.values()) < 14 / share:  # (1 - share) ** frames < 1e-6
                device.load(image)
                assert np.array_equal(device.run(LONG, replicas=2).sites, sites), "nothing is lost, nothing comes twice"
    finally:
        line.close()
    assert sum(line.faults.values()) > 0


def test_writes_happen_once_each_on_a_bad_line(board):
    """Everything written is there, though three frames in ten are hit."""
    driver_map = register_map(TORUS)
    rng = np.random.default_rng(5)
    with faulty_line(board.path, 0.3, 5) as path:
        port = open_port(port_address(f"serial://{path}"))
        bus = LinkBus(port, path, sendings=60)
        FabricDriver(TORUS, bus).abort()
        for _ in range(3):
            base, count = driver_map["TABLES"].base, driver_map["TABLES"].count
            values = rng.integers(1, 4096, count)
            bus.write(base + np.arange(count), values)
            assert np.array_equal(bus.read_burst(base, count), values)
        assert bus.counters.damaged > 0 and bus.counters.resent > 0
        port.close()


def test_a_dead_line_is_said(board):
    with faulty_line(board.path, 0.999, 1) as path:
        with pytest.raises(
            DeviceError, match=rf"^nothing answers on {path} after 5 attempts.*: check that the board is p"
        ):
            open_device(f"serial://{path}", TORUS)


def test_a_line_that_dies_is_said(board):
    line = FaultyLine(board.path, 0.0, 1)
    try:
        with SerialDevice(TORUS, url=f"serial://{line.path}", sendings=3) as device:
            line._share = 1.0
            with pytest.raises(DeviceError, match=r"has stopped answering: 3 attempts at one frame brought nothing; "):
                device.load(random_image(np.random.default_rng(0), TORUS))
    finally:
        line.close()


# A reader that goes away.

READER = """
import sys
import numpy as np
from thermofab.hw.spec import Schedule, fabric, open_device
from thermofab.sim.conformance import random_image
spec = fabric("g4-4x4-torus")
device = open_device("serial://" + sys.argv[1], spec)
device.load(random_image(np.random.default_rng(8), spec))
print("running", flush=True)
device.run(Schedule(0, 10**8, 1))
"""


def test_a_reader_that_dies_in_mid_run_leaves_nothing_behind(board, expected):
    image, sites = expected
    reader = subprocess.Popen([sys.executable, "-c", READER, board.path], stdout=subprocess.PIPE, text=True)
    assert reader.stdout is not None and reader.stdout.readline() == "running\n"
    time.sleep(0.5)
    reader.send_signal(signal.SIGKILL)
    reader.wait(10)
    reader.stdout.close()
    with SerialDevice(TORUS, url=f"serial://{board.path}") as device:
        device.load(image)
        assert np.array_equal(device.run(LONG, replicas=2).sites, sites)


def test_a_run_broken_off_leaves_nothing_behind(board, device, expected, monkeypatch):
    image, sites = expected
    device.load(image)
    with monkeypatch.context() as patched:

        def broken_off(words):
            bus.__class__.collect(bus, 100)
            raise KeyboardInterrupt

        bus = device._bus
        patched.setattr(bus, "collect", broken_off)
        with pytest.raises(KeyboardInterrupt):
            device.run(Schedule(0, 10**6, 1))
    assert np.array_equal(device.run(LONG, replicas=2).sites, sites)


def test_a_reader_that_sleeps_stalls_the_fabric_and_loses_nothing(board, device, expected):
    """With nobody to acknowledge, the fabric stops after a ring of samples, and waits."""
    image, _ = expected
    bus, driver = device._bus, device._driver
    device.load(image)
    driver.abort()
    bus.discard()
    for name, value in (("SAMPLES", 10**6), ("STEPS", 1), ("PHASES", 0)):
        driver.write(name, value)
    frames: list[Frame] = []
    bus._take = frames.append  # samples come, and nobody says so
    try:
        driver.write("CONTROL", rm.START)
        for _ in range(2000):
            if driver.read("STALLS") > 0:
                break
            time.sleep(0.02)
        sweeps = driver.read("SWEEPS")
        time.sleep(0.1)
        state = {name: driver.read(name) for name in ("SWEEPS", "STALLS", "CYCLES", "STATUS", "PHASES", "SAMPLES")}
        assert sweeps == state["SWEEPS"] and state["STALLS"] > 0, "the fabric waits"
        kept = f"a word a sweep: the ring, and what the read-out holds; {state}, {bus.counters}, next {bus._next}"
        assert RING_WORDS - 4 <= sweeps <= RING_WORDS + 4, kept
        short = [len(frame.words) for frame in frames if len(frame.words) < DATA_WORDS]
        assert frames and len(short) <= 1, f"one question before the run lets one frame go early, not {short}"
    finally:
        del bus._take
    assert len(bus.collect(3000)) == 3000
    driver.abort()


# What is at the other end.


def test_two_readers_cannot_share_a_port(board, device):
    with pytest.raises(
        DeviceError, match=r"^the serial port '.*' cannot be opened at 1000000 baud: .*no other program"
    ):
        open_device(f"serial://{board.path}", TORUS)


def test_another_fabric_is_refused(board):
    with pytest.raises(
        DeviceError, match=r"levels 4 where the spec has 2\. Build the board from this spec, or open it"
    ):
        open_device(f"serial://{board.path}", fabric(TORUS, levels=2))
    with SerialDevice(TORUS, url=f"serial://{board.path}"):
        pass  # the port was given back


def test_nothing_at_the_port():
    ours, theirs = os.openpty()
    try:
        with pytest.raises(
            DeviceError, match=r"^nothing answers on .* after 5 attempts: check that the board is powered"
        ):
            open_device(f"serial://{os.ttyname(theirs)}", TORUS)
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_board_that_was_reset_is_noticed(board, device):
    """Another sequence number than any of ours: some other program wrote, or the board began anew."""
    device.load(random_image(np.random.default_rng(0), TORUS))
    device._bus._awaited = (device._bus._awaited + 100) % 256
    with pytest.raises(DeviceError, match=r"waits for write \d+, not for \d+: it was reset, or another program writes"):
        device.load(random_image(np.random.default_rng(0), TORUS))


def test_requests_that_make_no_sense_are_answered_and_ignored(board, device):
    bus, driver = device._bus, device._driver
    device.load(random_image(np.random.default_rng(0), TORUS))
    tables = register_map(TORUS)["TABLES"].base
    before = bus.read_burst(tables, 4)
    awaited = bus._awaited
    for octets in (
        request(Kind.WRITE, awaited),  # no address
        request(Kind.WRITE, awaited + 1, address=tables, data=b"\1\0\0\0"),  # not its turn
        request(Kind.WRITE, awaited - 1, address=tables, data=b"\1\0\0\0"),  # its turn is over
        request(Kind.READ, 0, 61, address=tables),  # longer than a frame
        request(Kind.READ, 0, 1),
        request(Kind.DATA, awaited, address=tables, data=b"\1\0\0\0"),
        request(7, awaited, address=tables, data=b"\1\0\0\0"),  # type: ignore[arg-type]
        b"\0\1\2\3\0" + bytes(40) + b"\xff" * 400 + b"\0",
    ):
        bus._send(octets)
    bus._answers.clear()
    assert np.array_equal(bus.read_burst(tables, 4), before)
    assert bus._fetch().kind is Kind.FETCH
    driver.check_identity()
    device.load(random_image(np.random.default_rng(1), TORUS))


def test_options_are_checked(board):
    with pytest.raises(DeviceError, match=r"^sendings must be at least 1, got 0\.$"):
        open_device(f"serial://{board.path}", TORUS, sendings=0)
    with pytest.raises(
        SpecError, match=r"^divisor counts clocks per bit and must be an integer from 1 to 65535, got 0\.$"
    ):
        SimulatedBoard(TORUS, divisor=0)
    with pytest.raises(
        DeviceError, match=r"^the share of frames that are hit must lie in 0…1, 1 excluded, got 1\.5\.$"
    ):
        FaultyLine(board.path, 1.5, 0)
