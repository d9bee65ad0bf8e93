"""Energy and heat capacity of the 2D Ising model against Kaufman's exact torus, β below, at and above the critical one.

    python benchmarks/simulators/physics.py            # 64×64 on the native simulator, 16×16 on the RTL
    python benchmarks/simulators/physics.py --no-rtl
    python benchmarks/simulators/physics.py --no-native

Errors are standard errors from independent replicas; chains start all up. σ is the deviation in them.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[2]))

from tests.sim.kaufman import energy
from tests.sim.test_physics import BETAS, measured, statistics, torus
from thermofab.hw.spec import Schedule, open_device

NAMES = ("above", "at", "below")


def line(what: str, level: int, side: int, found, seconds: float) -> str:
    beta, sites = BETAS[level], side * side
    cells = [f"{what:<16}{f'{NAMES[level]} Tc':>9}{beta:>9.5f}"]
    exact = energy(beta, side, side)
    for (value, error), truth, scale in zip(found, exact, (1 / sites, beta**2 / sites)):
        cells.append(
            f"{value * scale:>11.6f}{error * scale:>10.6f}{truth * scale:>11.6f}{(value - truth) / error:>6.1f}"
        )
    return "".join([*cells, f"{seconds:>7.0f}"])


def native(side: int, replicas: int, warmup: int, samples: int, steps: int) -> None:
    image = torus(side)
    device = open_device("native", image.fabric)
    device.load(image)
    for level in range(3):
        started = time.perf_counter()
        found = measured(device, level, side, replicas, warmup, samples, steps)
        print(line(f"native {side}x{side}", level, side, found, time.perf_counter() - started), flush=True)


def rtl(side: int, replicas: int, warmup: int, samples: int, steps: int) -> None:
    """The emitted Verilog, compiled: samples are read out, energies worked out here."""
    image = torus(side)
    device = open_device("rtl", image.fabric)
    device.load(image)
    i, j = image.fabric.topology.edges.T
    for level in range(3):
        started = time.perf_counter()
        schedule = Schedule(warmup, samples, steps, level=level)
        sites = device.run(schedule, replicas=replicas, init=np.ones(side * side, dtype=bool)).sites
        energies = -(2.0 * (sites[:, :, i] == sites[:, :, j]).sum(axis=2) - len(i))
        exact = energy(BETAS[level], side, side)[0]
        found = statistics(energies.mean(axis=1), energies.var(axis=1), exact)
        print(line(f"RTL {side}x{side}", level, side, found, time.perf_counter() - started), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--no-rtl", action="store_true")
    parser.add_argument("--no-native", action="store_true")
    parser.add_argument("--samples", type=int, default=2000, help="samples per replica on 64×64")
    options = parser.parse_args()
    head = f"{'E / site':>11}{'±':>10}{'exact':>11}{'σ':>6}{'C / site':>11}{'±':>10}{'exact':>11}{'σ':>6}{'s':>7}"
    print(f"{'':<16}{'':>9}{'β':>9}{head}")
    if not options.no_native:
        native(64, 128, 20_000, options.samples, 10)
    if not options.no_rtl:
        rtl(16, 16, 3000, 1500, 10)


if __name__ == "__main__":
    main()
