"""What an update costs the native kernel's AVX-512 form, beside what the processor gives: operations, bytes, rates.

    python benchmarks/simulators/roofline.py

Operations are those counted in sim/native/avx512.h, 28 a word of 64 replicas and 5 a neighbour; bytes are the
generator's (two of its four planes read, one written) and a word a neighbour and 64 replicas. Rates are those of one
thread, in its own processor time; the bandwidth is that of
copying arrays that fit the third-level cache, above the second.
"""

import sys
import time
from pathlib import Path

import networkx
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from speed import spin_glass
from timing import machine

from thermofab.sim.native.device import NativeDevice

FIXED, EACH, LANES = 28, 5, 64
CASES = (
    ("70x70 g12 torus", lambda: "g12-70x70-torus", 64, 1500),
    ("64x64 g4 torus", lambda: "g4-64x64-torus", 64, 3000),
    ("128x128 z1", lambda: "z1-128x128", 64, 300),
    ("3-regular, 10,000 nodes", lambda: networkx.random_regular_graph(3, 10_000, seed=1), 64, 1000),
)


def rate(name, replicas: int, sweeps: int, rounds: int = 5) -> tuple[float, float]:
    """``(updates a processor second, mean degree)``: the best of ``rounds`` differences of a long and a short run."""
    image = spin_glass(name)
    device = NativeDevice(image.fabric, threads=1)
    device.load(image)
    chains = device.start(replicas=replicas)
    chains.advance([(4, 0)])
    seconds = []
    for _ in range(rounds):
        started = time.process_time()
        chains.advance([(sweeps, 0)])
        seconds.append(time.process_time() - started)
    topology = image.fabric.topology
    return sweeps * replicas * image.fabric.n_sites / min(seconds), float(topology.degrees.mean())


def copy_bandwidth(size: int = 2**21) -> float:
    """Bytes a second read and written by copying ``size`` bytes."""
    source, target = np.ones(size, np.uint8), np.zeros(size, np.uint8)
    seconds = []
    for _ in range(200):
        started = time.perf_counter()
        np.copyto(target, source)
        seconds.append(time.perf_counter() - started)
    return 2 * size / min(seconds)


def main() -> None:
    print(machine())
    print(f"copying 2 MB, in the third-level cache: {copy_bandwidth() / 1e9:.0f} GB/s read and written, one core")
    print(f"{'case':<26}{'degree':>7}{'ops':>6}{'bytes':>7}{'G upd/s':>9}{'G ops/s':>9}{'GB/s':>7}")
    for title, make, replicas, sweeps in CASES:
        speed, degree = rate(make(), replicas, sweeps)
        operations, moved = (FIXED + EACH * degree) / LANES, 6 + degree / 8
        print(
            f"{title:<26}{degree:>7.1f}{operations:>6.2f}{moved:>7.2f}{speed / 1e9:>9.2f}"
            f"{speed * operations / 1e9:>9.2f}{speed * moved / 1e9:>7.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
