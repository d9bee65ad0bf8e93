"""Speed of every simulated device beside that of another checkout, in one run.

    git worktree add ../release v0.1.0
    python benchmarks/release_speed.py ../release

Both trees run the same image (default profile, random weights of fixed seed) on the same devices, in processes of their
own and in turns; medians of site updates per ns of processor time, whole calls of ``Device.run``, and the ratio. Writes
docs/results/release_speed.json.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from results import write_results

ROOT = Path(__file__).resolve().parent.parent
# Device, fabric, replicas and sweeps of a call.
CASES = (
    ("native", "g12-70x70-torus", 64, 2000),
    ("native", "g12-70x70-torus", 1, 20000),
    ("jax", "g12-70x70-torus", 64, 2000),
    ("jax-xla", "g12-70x70-torus", 64, 800),
    ("reference", "g4-8x8-torus", 1, 3000),
    ("rtl", "g4-4x4-torus", 1, 200000),
    ("rtl-systolic", "g4-8x8-torus", 1, 30000),
)
WORKER = """
import json, sys, time
import numpy as np
import thermofab as fab
from thermofab.hw.spec.activation import sigmoid_table
rates = []
for device, name, replicas, sweeps in json.loads(sys.argv[1]):
    spec = fab.fabric(name, architecture="systolic" if device.endswith("systolic") else "spatial")
    rng = np.random.default_rng(0)
    n, m = spec.n_sites, spec.topology.n_edges
    tables = np.tile(sigmoid_table(spec, 0.01, 2), (spec.levels, 1))
    image = fab.Image(spec, rng.integers(-60, 61, m), rng.integers(-60, 61, n), tables, 2, np.full(n, -1))
    opened = fab.open_device(device, spec)
    opened.load(image)
    opened.run(fab.Schedule(2, 2), replicas=replicas)
    begun = time.process_time()
    opened.run(fab.Schedule(sweeps, 2), replicas=replicas)
    rates.append(n * replicas * sweeps / (time.process_time() - begun) / 1e9)
print(json.dumps(rates))
"""


def rates(tree: Path) -> list[float]:
    """Site updates per ns of every case with the package of one tree."""
    done = subprocess.run(
        [sys.executable, "-c", WORKER, json.dumps(CASES)],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("other", type=Path, help="another checkout of this repository")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    here, there = [], []
    for _ in range(options.rounds):
        there.append(rates(options.other.resolve()))
        here.append(rates(ROOT))
    rows = []
    print(f"{'device':<14}{'fabric':<18}{'replicas':>9}{'other':>12}{'this':>12}{'ratio':>8}")
    for k, (device, name, replicas, _) in enumerate(CASES):
        before = statistics.median(one[k] for one in there)
        after = statistics.median(one[k] for one in here)
        rows.append({"device": device, "fabric": name, "replicas": replicas, "other": before, "this": after})
        print(f"{device:<14}{name:<18}{replicas:>9}{before:>12.3g}{after:>12.3g}{after / before:>8.3f}")
    print("wrote", write_results("release_speed", {"rounds": options.rounds, "rows": rows}))


if __name__ == "__main__":
    main()
