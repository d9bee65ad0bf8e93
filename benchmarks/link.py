"""What the serial link carries: octets and samples per second, how full the line is, and what a bad line costs.

    python benchmarks/link.py            # about two minutes

The board is compiled RTL at a pseudo-terminal, so seconds are those of a simulation, and clocks per second say how fast
that ran. What carries over to a board is the share of the line's capacity in use (a board at 100 MHz and 8 clocks
per bit has 1.25 MB/s), and the share of octets that is payload.
"""

import time

import numpy as np
from speed import spin_glass
from timing import machine

from thermofab.hw.host.architectures import register_map
from thermofab.hw.link.device import SerialDevice
from thermofab.hw.spec import Schedule, open_device
from thermofab.sim.rtl.board import SimulatedBoard
from thermofab.sim.rtl.line import FaultyLine

FABRIC = "g4-4x4-torus"
DIVISORS = (1, 2, 4, 8)
SAMPLES = 20_000
SHARES = (0.0, 0.01, 0.1)


def main() -> None:
    print(machine())
    image = spin_glass(FABRIC)
    spec = image.fabric
    schedule = Schedule(10, SAMPLES)
    jax = open_device("jax", spec)
    jax.load(image)
    expected = jax.run(schedule).sites
    print(f"\n{FABRIC}: {SAMPLES} samples of a 32-bit word each, and tables written, over a clean line\n")
    header = (
        "clocks per bit",
        "Mclocks/s",
        "",
        "line, B/s",
        "payload, B/s",
        "payload",
        "line full",
        "samples/s",
        "= jax",
    )
    form = "{:>12}{:>11}  {:<9}{:>11}{:>14}{:>9}{:>11}{:>11}{:>7}"
    print(form.format(*header))
    for divisor in DIVISORS:
        board = SimulatedBoard(spec, divisor=divisor)
        with SerialDevice(spec, url=f"serial://{board.path}") as device:
            device.load(image)
            before, started = board.counters, time.perf_counter()
            got = device.run(schedule)
            seconds, after = time.perf_counter() - started, board.counters
            row(form, divisor, "read-out", after.clocks - before.clocks, after.sent - before.sent, 4 * SAMPLES, seconds,
                f"{SAMPLES / seconds:.0f}", "yes" if np.array_equal(got.sites, expected) else "NO")  # fmt: skip
            tables = register_map(spec)["TABLES"]
            where = np.tile(tables.base + np.arange(tables.count), 20)
            before, started = board.counters, time.perf_counter()
            device._bus.write(where, np.tile(image.tables.ravel(), 20))
            seconds, after = time.perf_counter() - started, board.counters
            row(form, divisor, "writing", after.clocks - before.clocks, after.received - before.received,
                4 * len(where), seconds, "", "")  # fmt: skip
        board.close()
    print(
        "\nthe same read-out, 2 clocks per bit, frames either way damaged, dropped, repeated, cut or with bytes added\n"
    )
    print("{:>10}{:>9}{:>10}{:>10}{:>12}{:>7}".format("share hit", "frames", "faults", "seconds", "samples/s", "= jax"))
    board = SimulatedBoard(spec, divisor=2)
    for share in SHARES:
        line = FaultyLine(board.path, share, 1)
        with SerialDevice(spec, url=f"serial://{line.path}") as device:
            started = time.perf_counter()
            device.load(image)
            got = device.run(schedule)
            seconds = time.perf_counter() - started
        same = "yes" if np.array_equal(got.sites, expected) else "NO"
        frames, faults = sum(line.frames.values()), sum(line.faults.values())
        print(f"{share:>10.0%}{frames:>9}{faults:>10}{seconds:>10.2f}{SAMPLES / seconds:>12.0f}{same:>7}")
        line.close()
    board.close()


def row(form: str, divisor: int, what: str, clocks: int, octets: int, payload: int, seconds: float, *rest: str) -> None:
    full = octets * 10 * divisor / clocks
    print(
        form.format(
            divisor, f"{clocks / seconds / 1e6:.2f}", what, f"{octets / seconds:.0f}", f"{payload / seconds:.0f}",
            f"{payload / octets:.1%}", f"{full:.1%}", *rest,
        ),
        flush=True,
    )  # fmt: skip


if __name__ == "__main__":
    main()
