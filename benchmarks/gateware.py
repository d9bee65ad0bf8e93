"""What compiling and running a fabric's RTL costs: build CPU seconds, clocks and site updates per second.

    python benchmarks/gateware.py            # about five minutes

Builds go to an empty cache; Verilator's own runtime, built once a machine, is paid beforehand and printed apart.
"""

import os
import resource
import tempfile
import time

from speed import spin_glass
from timing import machine

from thermofab.hw.spec import Schedule, open_device

CASES = (
    ("rtl", "g4-4x4-torus", 200_000),
    ("rtl", "complete-16", 20_000),
    ("rtl", "g4-8x8-torus", 50_000),
    ("rtl", "king-8x8", 20_000),
    ("rtl", "g12-16x16-torus", 5_000),
    ("rtl-cxxrtl", "g4-4x4-torus", 20_000),
    ("rtl-cxxrtl", "g4-8x8-torus", 10_000),
)


def cpu_seconds() -> float:
    """User and system time of this process and of the tools it has run."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    print(machine())
    with tempfile.TemporaryDirectory() as cache:
        os.environ["THERMOFAB_CACHE"] = cache
        before = cpu_seconds()
        open_device("rtl", spin_glass("complete-2").fabric)
        print(f"first build, Verilator's runtime included: {cpu_seconds() - before:.1f} CPU s\n")
        header = ("device", "fabric", "sites", "colours", "build, CPU s", "clocks/s", "updates/s")
        print("{:<12}{:<18}{:>6}{:>9}{:>14}{:>11}{:>11}".format(*header))
        for device, name, sweeps in CASES:
            image = spin_glass(name)
            before = cpu_seconds()
            opened = open_device(device, image.fabric)
            build = cpu_seconds() - before
            opened.load(image)
            rates = []
            for _ in range(3):
                started = time.perf_counter()
                ledger = opened.run(Schedule(sweeps, 1)).ledger
                rates.append((ledger.cycles, ledger.site_updates, time.perf_counter() - started))
            cycles, updates, seconds = sorted(rates, key=lambda rate: rate[2])[1]
            topology = image.fabric.topology
            print(
                f"{device:<12}{name:<18}{topology.n_sites:>6}{topology.n_colours:>9}{build:>14.1f}"
                f"{cycles / seconds:>11.3g}{updates / seconds:>11.3g}",
                flush=True,
            )


if __name__ == "__main__":
    main()
