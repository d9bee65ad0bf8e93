"""What observing costs beside sampling, and in memory: second moments every sweep, energies, and a long run of moments.

python benchmarks/simulators/observing.py              # costs, medians of interleaved rounds
python benchmarks/simulators/observing.py --long       # 10^6 samples of a 4,900-site fabric's moments, peak memory
python benchmarks/simulators/observing.py --million    # a fabric of 1,000,000 sites
"""

import argparse
import resource
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from speed import spin_glass
from timing import interleaved, machine, median_rate

from thermofab.hw.spec import Schedule, open_device
from thermofab.sim.chains import Chains, Request, Tally
from thermofab.sim.holding import simulator
from thermofab.sim.native.device import NativeDevice


def peak() -> float:
    """Peak resident memory of this process, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def keep(chains: Chains, request: Request, tally: Tally | None = None) -> None:
    chains.sample(request, tally)


def costs(rounds: int) -> None:
    image = spin_glass("g12-70x70-torus")
    top, n = image.fabric.topology, image.fabric.n_sites
    print(f"{'':<10}{'replicas':>9}{'sampling':>11}{'+ moments':>11}{'cost':>7}{'+ energies':>12}{'cost':>7}")
    for name, replicas, sweeps in (
        ("native", 1, 10_000),
        ("native", 64, 1000),
        ("native", 256, 256),
        ("jax-xla", 64, 64),
    ):
        device = simulator(open_device(name, image.fabric), "this benchmark")
        device.load(image)
        chains, tally = device.start(replicas=replicas), Tally.empty(replicas, n, top.n_edges)
        seconds = interleaved(
            {
                # XLA runs on while Python goes on; looking at one site waits for it.
                "sampling": partial(keep, chains, Request(1, sweeps, 1, 0, np.arange(1))),
                "moments": partial(keep, chains, Request(sweeps, 1, 1, 0), tally),
                "energies": partial(keep, chains, Request(sweeps, 1, 1, 0, energies=True)),
            },
            rounds,
        )
        rates = {key: median_rate(replicas * sweeps * n, times) for key, times in seconds.items()}
        cost = {key: rates["sampling"] / rate - 1 for key, rate in rates.items()}
        print(
            f"{name:<10}{replicas:>9}{rates['sampling']:>11.3g}{rates['moments']:>11.3g}{cost['moments']:>7.2f}"
            f"{rates['energies']:>12.3g}{cost['energies']:>7.2f}",
            flush=True,
        )
    print("updates per second with what is kept of every sweep; cost: time beyond that of sampling, as a share of it")


def long() -> None:
    image = spin_glass("g12-70x70-torus")
    device = NativeDevice(image.fabric)
    device.load(image)
    for samples in (10_000, 1_000_000):
        started = time.perf_counter()
        counts = device.accumulate(Schedule(100, samples, 1), replicas=1)
        print(
            f"{samples:>9,} samples of first and second moments, one replica: {time.perf_counter() - started:.1f} s, "
            f"peak {peak():.0f} MB, mean |E[s s]| {np.abs(counts.second()).mean():.4f}",
            flush=True,
        )


def million(device: str) -> None:
    started = time.perf_counter()
    image = spin_glass("g4-1000x1000-torus")
    opened = simulator(open_device(device, image.fabric), "this benchmark")
    opened.load(image)
    print(
        f"{device}: {image.fabric.n_sites:,} sites built and loaded in {time.perf_counter() - started:.1f} s",
        flush=True,
    )
    chains = opened.start()
    chains.advance([(2, 0)])
    started, sweeps = time.perf_counter(), 200
    chains.advance([(sweeps, 0)])
    states = chains.states()
    seconds = time.perf_counter() - started
    print(f"{sweeps} sweeps: {sweeps * 1e6 / seconds:.3g} updates/s, mean {states.mean():.4f}, peak {peak():.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--million", nargs="?", const="native", help="device, by default native")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(machine())
    if options.long:
        long()
    elif options.million:
        million(options.million)
    else:
        costs(options.rounds)


if __name__ == "__main__":
    main()
