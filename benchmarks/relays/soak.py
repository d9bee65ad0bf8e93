"""Compiled RTL of relay and dense fabrics against the native simulator: updates compared, states that differ.

    python benchmarks/relays/soak.py            # 10^8 site updates
    python benchmarks/relays/soak.py 2e6        # as many as that

Random images in random orders and trees, with clamps and idle sites, a fresh one every million updates; every sample
of every run is compared, and the fields behind them are in lockstep in ``tests/rtl``. ``clocks`` are those of the
compiled fabric. docs/results/relays_soak.json.
"""

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import write_results

from thermofab.hw.spec import Schedule, fabric, open_device
from thermofab.sim.conformance import random_image
from thermofab.sim.rtl.device import CxxrtlDevice

SPECS = (
    fabric("complete-64", architecture="dense"),
    fabric("complete-24", architecture="dense", rng="xoshiro128+", weight_bits=6),
    fabric("king-12x12", architecture="dense", elements=48),
    fabric("g8-8x8-torus", architecture="relay"),
    fabric("king-6x6", architecture="relay", tile=1, profile="fine"),
)
A_RUN = 10**6  # site updates


def main() -> None:
    wanted = int(float(sys.argv[1])) if len(sys.argv) > 1 else 10**8
    total, differing, rows = 0, 0, []
    print(f"{'fabric':<14}{'updates':>12}{'states':>12}{'differ':>8}{'clocks':>12}{'wall, s':>9}", flush=True)
    for number, spec in enumerate(SPECS):
        rtl, native = CxxrtlDevice(spec, optimise="-O3"), open_device("native", spec)
        updates = states = wrong = clocks = seed = 0
        started, sweeps = time.perf_counter(), max(2, min(A_RUN, wanted // len(SPECS)) // spec.n_sites)
        while updates < wanted // len(SPECS):
            image = random_image(np.random.default_rng([number, seed]), spec)
            schedule = Schedule(sweeps % 7, sweeps // 4, 4)
            runs = []
            for device in (rtl, native):
                device.load(image)
                runs.append(device.run(schedule))
            assert image.order is not None
            updates += schedule.n_sweeps * int(image.order.is_root.sum())
            states += runs[0].sites.size
            wrong += int((runs[0].sites != runs[1].sites).sum())
            clocks += runs[0].ledger.cycles
            seed += 1
        took = time.perf_counter() - started
        print(f"{spec.topology.name:<14}{updates:>12}{states:>12}{wrong:>8}{clocks:>12}{took:>9.0f}", flush=True)
        total, differing = total + updates, differing + wrong
        rows.append({"fabric": repr(spec), "updates": updates, "states": states, "differ": wrong, "clocks": clocks})
    print(f"{total} site updates, {differing} states differ")
    write_results("relays_soak", {"updates": total, "differ": differing, "rows": rows})
    sys.exit(differing > 0)


if __name__ == "__main__":
    main()
