"""Site updates per second of every simulator, against THRML on the same graph in the same run.

    python benchmarks/speed.py            # both tables
    python benchmarks/speed.py --large    # the 70x70 g12 torus only
    python benchmarks/speed.py --small    # the 8x8 g4 torus only, gateware included

Timed are whole calls of ``Device.run`` (seeding, transfers and one sample included) and of a jitted
``thrml.sample_states`` with the same numbers of chains and sweeps; compilation is paid beforehand by both.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from thrml_peer import thrml_runner
from timing import interleaved_both, machine, median_rate, spread

from thermofab.hw.spec import FREE, Image, Schedule, ThermofabError, fabric, open_device, sigmoid_table
from thermofab.sim.cosim import lockstep

STEP, SHIFT, ROUNDS = 1 / 127, 3, 7


def spin_glass(name: Any) -> Image:
    """Couplings |J| ≤ 0.31, biases likewise, on every edge of a fabric, given by name or as a graph."""
    spec, rng = fabric(name), np.random.default_rng(0)
    return Image(
        fabric=spec,
        weights=rng.integers(-40, 41, spec.topology.n_edges),
        biases=rng.integers(-40, 41, spec.n_sites),
        tables=np.tile(sigmoid_table(spec, STEP, SHIFT), (spec.levels, 1)),
        shift=SHIFT,
        clamps=np.full(spec.n_sites, FREE),
    )


def runner(device: str, image: Image, replicas: int, sweeps: int) -> Callable[[], object]:
    opened = open_device(device, image.fabric)
    opened.load(image)
    schedule = Schedule(sweeps, 1)
    return lambda: opened.run(schedule, replicas=replicas)


def table(title: str, image: Image, cases: list[tuple[str, int, int]], chains: dict[int, int], rounds: int) -> None:
    """``cases`` are (device, replicas, sweeps); ``chains`` maps THRML's chains to sweeps."""
    contenders: dict[str, Callable[[], object]] = {}
    work: dict[str, float] = {}
    for device, replicas, sweeps in cases:
        label = f"{device} {replicas}"
        try:
            contenders[label] = runner(device, image, replicas, sweeps)
        except ThermofabError as missing:
            print(f"  {label}: left out, {missing}")
            continue
        work[label] = replicas * sweeps * image.fabric.n_sites
    for count, sweeps in chains.items():
        contenders[f"thrml {count}"] = thrml_runner(image, STEP, count, sweeps)
        work[f"thrml {count}"] = count * sweeps * image.fabric.n_sites
    seconds, used = interleaved_both(contenders, rounds)
    rates = {label: median_rate(work[label], times) for label, times in seconds.items()}
    print(f"\n{title}: {image.fabric.n_sites} sites, {image.fabric.topology.n_edges} edges; medians of {rounds} rounds")
    print(f"{'simulator':<14}{'replicas':>9}{'updates/s':>11}{'±':>6}{'vs THRML':>10}{'a core-s':>11}{'vs THRML':>10}")
    cores = {label: median_rate(work[label], times) for label, times in used.items()}
    for label, rate in rates.items():
        device, replicas = label.split()
        peer = f"thrml {replicas}"
        ratios = ["", ""]
        if device != "thrml" and peer in rates:
            ratios = [f"{mine[label] / mine[peer]:.2f}x" for mine in (rates, cores)]
        print(
            f"{device:<14}{replicas:>9}{rate:>11.3g}{spread(seconds[label]):>6.0%}{ratios[0]:>10}"
            f"{cores[label]:>11.3g}{ratios[1]:>10}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--large", action="store_true", help="only the 70x70 g12 torus")
    parser.add_argument("--small", action="store_true", help="only the 8x8 g4 torus, with gateware")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    both = options.large == options.small
    print(machine())
    if both or options.large:
        image = spin_glass("g12-70x70-torus")
        cases = [
            ("reference", 1, 4),
            ("jax-xla", 1, 3000),
            ("jax-xla", 32, 200),
            ("jax-xla", 64, 100),
            ("jax-xla", 256, 40),
        ]
        table("70x70 g12 torus", image, cases, {1: 1000, 32: 60, 64: 40, 256: 10}, options.rounds)
    if both or options.small:
        image = spin_glass("g4-8x8-torus")
        cases = [("reference", 1, 300), ("jax-xla", 1, 20_000), ("jax-xla", 32, 10_000), ("jax-xla", 256, 2_000)]
        cases += [("rtl", 1, 50_000), ("rtl-cxxrtl", 1, 50_000)]
        table("8x8 g4 torus", image, cases, {1: 20_000, 32: 2_000, 256: 500}, options.rounds)
        cocotb_line(image)


def cocotb_line(image: Image) -> None:
    """The same RTL under cocotb on Verilator, in lockstep with the reference: every site compared after every sweep.

    Two lengths of run share the cost of building and starting; the rate is that of what the longer one does more.
    """
    compared, seconds = [], []
    for updates in (20_000, 320_000):
        started = time.perf_counter()
        compared.append(lockstep(image.fabric, "verilator", updates=updates).compared)
        seconds.append(time.perf_counter() - started)
    rate = (compared[1] - compared[0]) / (seconds[1] - seconds[0])
    print(f"{'cocotb':<14}{1:>9}{rate:>13.3g}        (bench, bus traffic and reference included)")


if __name__ == "__main__":
    main()
