"""Site updates per second of the native kernel, against XLA and THRML on the same graphs in the same run.

    python benchmarks/native.py                 # every graph
    python benchmarks/native.py g12 regular     # those whose title contains one of the words

Timed as in speed.py: whole calls of ``Device.run``, seeding and one sample included, on all processors.
"""

import argparse
import sys
import time
from typing import Any

import networkx
from speed import spin_glass, table
from timing import machine

from thermofab.hw.spec import fabric, open_device

ROUNDS = 5
# Title, fabric, and by replicas the sweeps of native, XLA and THRML: about as many seconds each.
CASES: tuple[tuple[str, Any, dict[int, tuple[int, int, int]]], ...] = (
    (
        "70x70 g12 torus",
        lambda: "g12-70x70-torus",
        {1: (40_000, 6000, 1000), 64: (2500, 600, 40), 256: (600, 160, 10)},
    ),
    ("64x64 g4 torus", lambda: "g4-64x64-torus", {64: (5000, 800, 60), 256: (1200, 300, 15)}),
    ("128x128 z1", lambda: "z1-128x128", {64: (600, 120, 8)}),
    (
        "random 3-regular graph",
        lambda: networkx.random_regular_graph(3, 10_000, seed=1),
        {64: (1500, 300, 20)},
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("titles", nargs="*", help="words of the titles to run")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    print(machine())
    started = time.perf_counter()
    open_device("native", fabric("g4-3x3"))
    print(f"kernel built or found in {time.perf_counter() - started:.2f} s")
    for title, make, sweeps in CASES:
        if options.titles and not any(word in title for word in options.titles):
            continue
        cases = [(device, r, s[k]) for k, device in enumerate(("native", "jax-xla")) for r, s in sweeps.items()]
        table(title, spin_glass(make()), cases, {r: s[2] for r, s in sweeps.items()}, options.rounds)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
