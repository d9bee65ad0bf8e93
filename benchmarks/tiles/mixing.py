"""What held boundaries cost in mixing: autocorrelation times of one chip and of held tiles, in sweeps.

    python benchmarks/tiles/mixing.py

Integrated autocorrelation times (``thermofab.hw.spec.convergence.autocorrelation``) of the energy and of |m| of a 64×64
torus in 4×4 tiles, errors by leaving replicas out in turn: of the Ising model, and of a ±1 glass, where m is the
overlap with a state of low energy. Chains start from states that one chip has equilibrated, which the held ones keep
in distribution. Of small fabrics in two tiles relaxation times are worked out, without a run: those of the matrix that
takes a distribution over all states through one round of the schedule. Writes docs/results/tiles_mixing.json.
"""

import argparse
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigs

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.append(str(Path(__file__).resolve().parents[2]))

from distances import BETA_FERROMAGNET, BETA_GLASS, image_of  # pyright: ignore[reportMissingImports]
from results import write_results

from tests.sim.test_physics import WEIGHT, torus
from thermofab.hw.spec import Image, Link, Network, Schedule, Tiling, flip_probability
from thermofab.hw.spec.convergence import autocorrelation
from thermofab.sim.native.device import NativeDevice
from thermofab.sim.native.tiles import TiledDevice
from thermofab.sim.observers import Observer

SIDE, TILES, REPLICAS, LATENCY = 64, 4, 16, 2
PERIODS = (None, 2, 4, 8)


@dataclass(frozen=True)
class Case:
    """A model on the torus, and how long it runs.

    Attributes:
        name: of the model.
        beta: inverse temperature.
        glass: whether couplings are ±1 at random.
        warmup: sweeps of one chip before the chains of every row.
        samples: of each replica.
        steps: sweeps from one sample to the next, by period.
    """

    name: str
    beta: float
    glass: bool
    warmup: int
    samples: int
    steps: dict[int | None, int]


CASES = [
    Case("Ising", 0.38, False, 5_000, 20_000, {None: 1, 2: 2, 4: 2, 8: 4}),
    Case("Ising", 0.44, False, 40_000, 20_000, {None: 8, 2: 16, 4: 16, 8: 32}),
    Case("±1 glass", 1.0, True, 40_000, 20_000, {None: 4, 2: 4, 4: 8, 8: 8}),
]


class Traces(Observer):
    """Energy and |m| of every replica and sample: float64 ``[R, S, 2]``."""

    sites = True
    energies = True

    def start(self, replicas: int, n_sites: int) -> list[np.ndarray]:
        return []

    def fold(self, carry: list[np.ndarray], states: np.ndarray, energies: np.ndarray) -> list[np.ndarray]:
        up = states.view(np.uint8).sum(axis=2, dtype=np.uint32)
        return [*carry, np.stack([energies, np.abs(2.0 * up - states.shape[2])], axis=2)]

    def result(self, carry: list[np.ndarray]) -> np.ndarray:
        return np.concatenate(carry, axis=1)


def glass_of(beta: float) -> Image:
    """±1 couplings of the torus, in the gauge in which a state that annealing found is all up."""
    levels = np.geomspace(0.1, 3.0, 40)
    hot = torus(SIDE, tuple(levels))
    signs = np.random.default_rng(7).choice([-1, 1], hot.fabric.topology.n_edges)
    device = NativeDevice(hot.fabric, threads=1)
    device.load(replace(hot, weights=WEIGHT * signs))
    cooled = device.run(Schedule(0, 1, anneal=tuple((50, k) for k in range(len(levels))), level=len(levels) - 1))
    spins = 2 * cooled.sites[0, 0].astype(int) - 1
    i, j = hot.fabric.topology.edges.T
    return replace(torus(SIDE, (beta,)), weights=WEIGHT * signs * spins[i] * spins[j])


def times_of(traces: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Autocorrelation times of both observables in sweeps, and their errors."""

    def times(part: np.ndarray) -> np.ndarray:
        return steps * autocorrelation([part])[1]

    replicas = len(traces)
    without = np.array([times(np.delete(traces, k, axis=0)) for k in range(replicas)])
    return times(traces), np.sqrt((replicas - 1) * without.var(axis=0))


def sampled(case: Case, scale: float) -> list[dict[str, Any]]:
    """Rows of a case: one chip, then tiles by their link's period."""
    image = glass_of(case.beta) if case.glass else torus(SIDE, (case.beta,))
    tiling = Tiling.blocks(image.fabric.topology, (TILES, TILES))
    alone = NativeDevice(image.fabric, threads=1)
    alone.load(image)
    start = alone.run(
        Schedule(int(case.warmup * scale), 1), replicas=REPLICAS, init=np.ones(SIDE * SIDE, dtype=bool), seed=2
    ).sites[:, 0]
    rows = []
    for period in PERIODS:
        started, steps = time.perf_counter(), case.steps[period]
        link = None if period is None else Link(period=period, latency=LATENCY, hold=True)
        device = alone if link is None else TiledDevice(image.fabric, Network(tiling, link), threads=1)
        device.load(image)
        schedule = Schedule(0, int(case.samples * scale), steps)
        (traces,) = device.observe(schedule, [Traces()], replicas=REPLICAS, init=start, seed=3).results
        found, errors = times_of(traces, steps)
        row = {
            "model": case.name,
            "beta": case.beta,
            "period": period,
            "sweeps": len(traces[0]) * steps,
            "energy": float(found[0]),
            "energy_error": float(errors[0]),
            "magnetisation": float(found[1]),
            "magnetisation_error": float(errors[1]),
        }
        rows.append(row)
        seconds = time.perf_counter() - started
        print(
            f"{case.name} β {case.beta} period {period}: E {found[0]:.1f} ± {errors[0]:.1f}, "
            f"|m| {found[1]:.1f} ± {errors[1]:.1f}; {row['sweeps'] / found.max():.0f} times, {seconds:.0f} s",
            flush=True,
        )
    return rows


def relaxation(image: Image, tiling: Tiling, link: Link | None) -> float:
    """The relaxation time in sweeps, -1 / ln |λ|, of states that see each other as they are: on one chip or held.

    λ is the second largest eigenvalue of a round of the schedule, as a root of its sweeps.
    """
    n, top = image.fabric.n_sites, image.fabric.topology
    field = np.zeros((n,) + (2,) * n, dtype=np.int64) + image.biases.reshape((n,) + (1,) * n)
    axes = [np.array([-1, 1]).reshape([2 if axis == site else 1 for axis in range(n)]) for site in range(n)]
    for (i, j), weight in zip(top.edges.tolist(), image.weights.tolist()):
        field[i] += weight * axes[j]
        field[j] += weight * axes[i]
    ups = [
        flip_probability(image.fabric, image.tables[0], image.shift, field[site].take([0], axis=site))
        for site in range(n)
    ]
    colours = [sites.tolist() for sites in top.colour_classes]
    sweeps = 1 if link is None else link.period * len(colours)

    def round_of(vector: np.ndarray) -> np.ndarray:
        states = vector.reshape((2,) * n)
        for sweep in range(sweeps):
            for colour, sites in enumerate(colours):
                held = link is not None and link.holds(sweep, colour, len(colours))
                for site in sites:
                    if not (held and tiling.on_boundary[site]):
                        up = states.sum(axis=site, keepdims=True) * ups[site]
                        states = np.concatenate([states.sum(axis=site, keepdims=True) - up, up], axis=site)
        return states.ravel()

    start = np.random.default_rng(1).normal(size=2**n)
    matrix = LinearOperator((2**n, 2**n), round_of, dtype=float)  # pyright: ignore[reportCallIssue]
    found = eigs(matrix, k=3, v0=start, return_eigenvectors=False)
    first, second = sorted(np.abs(found), reverse=True)[:2]
    assert abs(first - 1) < 1e-6, "the Boltzmann distribution stays"
    return float(-sweeps / np.log(second))


def enumerated() -> list[dict[str, Any]]:
    """Rows of small fabrics, those of distances.py."""
    rows = []
    for what, name, beta, glass in (
        ("ferromagnet", "g4-3x4", BETA_FERROMAGNET, False),
        ("spin glass", "king-3x4", BETA_GLASS, True),
    ):
        image = image_of(name, beta, glass)
        tiling = Tiling.blocks(image.fabric.topology, (1, 2))
        for period in PERIODS:
            link = None if period is None else Link(period=period, hold=True)
            sweeps = relaxation(image, tiling, link)
            rows.append({"model": what, "fabric": name, "beta": beta, "period": period, "relaxation": sweeps})
            print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="of all lengths of runs")
    options = parser.parse_args()
    started, clock = time.perf_counter(), time.process_time()
    small = enumerated()
    rows = [row for case in CASES for row in sampled(case, options.scale)]
    about = {"side": SIDE, "tiles": TILES, "replicas": REPLICAS, "latency": LATENCY, **vars(options)}
    about |= {"seconds": round(time.perf_counter() - started), "processor_seconds": round(time.process_time() - clock)}
    print(about, write_results("tiles_mixing", {**about, "rows": rows, "small": small}))


if __name__ == "__main__":
    main()
