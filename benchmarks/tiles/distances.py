"""How far a small fabric in two tiles is from its own distribution, by the link's schedule: no run, no sampling error.

    python benchmarks/tiles/distances.py

Total variation from the enumerated Boltzmann distribution to the distribution that the tiles settle to
(``thermofab.sim.tiled_distribution``), writes docs/results/tiles_distances.json.
"""

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import write_results

from thermofab.hw.spec import FREE, Image, Link, Network, Tiling, fabric, sigmoid_table
from thermofab.sim.tiled_distribution import settled_distribution

WEIGHT, BETA_FERROMAGNET, BETA_GLASS = 16, 0.44, 1.0
PERIODS = (1, 2, 4, 8, 16, 32)
RATES = [Link(period=k) for k in PERIODS] + [
    Link(bits=1),
    Link(bits=2),
    *(Link(period=k, hold=True) for k in (1, 4, 16)),
]
LATENCIES = [
    *(Link(period=k) for k in (1, 2, 4, 8, 16)),
    *(Link(period=k, latency=1) for k in (1, 2, 4, 8, 16)),
    *(Link(period=k, aligned=True) for k in (1, 2, 4, 8, 16)),
    *(Link(period=k, latency=1, hold=True) for k in (2, 4, 8)),
]


def image_of(name: str, beta: float, glass: bool) -> Image:
    """Unit couplings, or ±1 at random; 16-bit thresholds at every field, so that the table is no source of error."""
    spec = fabric(name, levels=1, threshold_bits=16, dither_bits=0)
    signs = np.random.default_rng(7).choice([-1, 1], spec.topology.n_edges) if glass else 1
    return Image(
        fabric=spec,
        weights=np.full(spec.topology.n_edges, WEIGHT) * signs,
        biases=np.zeros(spec.n_sites, dtype=int),
        tables=sigmoid_table(spec, beta / WEIGHT, 0)[None],
        shift=0,
        clamps=np.full(spec.n_sites, FREE),
    )


def boltzmann(image: Image, beta: float) -> np.ndarray:
    n = image.fabric.n_sites
    spins = 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1) - 1
    i, j = image.fabric.topology.edges.T
    weights = np.exp(beta / WEIGHT * (spins[:, i] * spins[:, j]) @ image.weights)
    return weights / weights.sum()


CASES = [
    ("ferromagnet", "g4-3x4", BETA_FERROMAGNET, False, RATES),
    ("spin glass", "king-3x4", BETA_GLASS, True, RATES),
    ("ladder", "g4-2x6", BETA_FERROMAGNET, False, LATENCIES),
    ("glass ladder", "g4-2x6", BETA_GLASS, True, LATENCIES),
]


def main() -> None:
    rows, started = [], time.perf_counter()
    for what, name, beta, glass, links in CASES:
        image = image_of(name, beta, glass)
        truth, tiling = boltzmann(image, beta), Tiling.blocks(image.fabric.topology, (1, 2))
        for link in links:
            network = Network(tiling, link)
            settled = settled_distribution(image, network, tolerance=1e-7)
            distance = float(np.abs(settled.probabilities - truth).sum() / 2)
            rows.append(
                {
                    "case": what,
                    "fabric": name,
                    "beta": beta,
                    "period": link.period,
                    "bits": link.bits,
                    "latency": link.latency,
                    "aligned": link.aligned,
                    "hold": link.hold,
                    "eta": float(network.eta),
                    "tv": distance,
                    "change": settled.change,
                    "sweeps": settled.sweeps,
                }
            )
            print(f"{what:<14}{name:<10}{link!s:<84}η {float(network.eta):.4f}  TV {distance:.6f}", flush=True)
    print(write_results("tiles_distances", {"rows": rows, "seconds": round(time.perf_counter() - started)}))


if __name__ == "__main__":
    main()
