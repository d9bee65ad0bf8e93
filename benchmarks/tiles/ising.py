"""Energy and heat capacity of a 64×64 Ising torus in 4×4 tiles against Kaufman's exact ones, by the link's schedule.

    python benchmarks/tiles/ising.py

Errors are standard errors of independent replicas, which start all up. Writes docs/results/tiles_ising.json.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.append(str(Path(__file__).resolve().parents[2]))

from results import write_results

from tests.sim.kaufman import energy
from tests.sim.test_physics import BETAS, WEIGHT, torus
from thermofab.hw.spec import Link, Network, Schedule, Tiling
from thermofab.sim.native.tiles import TiledDevice
from thermofab.sim.observers import Energies

SIDE, TILES = 64, 4
LINKS: list[Link | None] = [
    None,
    *(Link(period=k) for k in (2, 4, 8, 16, 32, 64)),
    *(Link(bits=b) for b in (8, 4, 2, 1)),
    *(Link(latency=l) for l in (1, 2, 4, 8, 16, 32)),
    *(Link(period=k, latency=2) for k in (4, 16)),
    *(Link(period=k, latency=2, hold=True) for k in (2, 4, 8)),
]


def statistics(means: np.ndarray, variances: np.ndarray) -> tuple[tuple[float, float], tuple[float, float]]:
    """``((mean, error), (variance, error))`` of replicas."""
    about = variances + (means - means.mean()) ** 2
    root = np.sqrt(len(means))
    return (
        (float(means.mean()), float(means.std(ddof=1) / root)),
        (float(about.mean()), float(about.std(ddof=1) / root)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--replicas", type=int, default=32)
    parser.add_argument("--warmup", type=int, default=10_000)
    parser.add_argument("--samples", type=int, default=2000)
    options = parser.parse_args()
    image, sites, rows, started = torus(SIDE), SIDE * SIDE, [], time.perf_counter()
    tiling = Tiling.blocks(image.fabric.topology, (TILES, TILES))
    for level, beta in enumerate(BETAS):
        exact = energy(beta, SIDE, SIDE)
        for link in LINKS:
            network = Network(tiling, link)
            device = TiledDevice(image.fabric, network)
            device.load(image)
            schedule = Schedule(options.warmup, options.samples, 10, level=level)
            (found,) = device.observe(
                schedule, [Energies()], replicas=options.replicas, init=np.ones(sites, dtype=bool)
            ).results
            (mean, mean_error), (variance, variance_error) = statistics(found.mean / WEIGHT, found.variance / WEIGHT**2)
            scale = beta**2 / sites
            rows.append(
                {
                    "beta": beta,
                    "link": None if link is None else vars(link),
                    "eta": float(network.eta),
                    "energy": mean / sites,
                    "energy_error": mean_error / sites,
                    "energy_exact": exact[0] / sites,
                    "heat": variance * scale,
                    "heat_error": variance_error * scale,
                    "heat_exact": exact[1] * scale,
                }
            )
            row = rows[-1]
            print(
                f"β {beta:.4f} {link!s:<86} η {row['eta']:.4f} "
                f"E {row['energy']:.5f} ± {row['energy_error']:.5f} ({row['energy_exact']:.5f}) "
                f"C {row['heat']:.4f} ± {row['heat_error']:.4f} ({row['heat_exact']:.4f})",
                flush=True,
            )
    about = {"side": SIDE, "tiles": TILES, **vars(options), "seconds": round(time.perf_counter() - started)}
    print(write_results("tiles_ising", {**about, "rows": rows}))


if __name__ == "__main__":
    main()
