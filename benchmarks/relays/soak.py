"""Compiled RTL of relay and dense fabrics against the native simulator: updates compared, states that differ.

    python benchmarks/relays/soak.py            # 10^8 site updates of each architecture: minutes, and two hours
    python benchmarks/relays/soak.py 2e6        # as many as that
    python benchmarks/relays/soak.py 1e8 dense  # of one architecture, or fabric: king-6x6

Random images in random orders and trees, with clamps and idle sites, a fresh one every million updates; every sample
of every run is compared, and the fields behind them are in lockstep in ``tests/rtl``. The RTL is compiled by Verilator,
``clocks`` are those of the compiled fabric. docs/results/relays_soak.json is written after every image, so a run that
is stopped leaves what it has compared.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import ROOT, write_results

from thermofab.hw.spec import FabricSpec, Schedule, fabric, open_device
from thermofab.sim.conformance import random_image
from thermofab.sim.rtl.device import RtlDevice

SPECS = (
    fabric("complete-64", architecture="dense"),
    fabric("complete-24", architecture="dense", rng="xoshiro128+", weight_bits=6),
    fabric("king-12x12", architecture="dense", elements=48),
    fabric("g8-8x8-torus", architecture="relay"),
    fabric("king-6x6", architecture="relay", tile=1, profile="fine"),
    fabric("g4-8x8-torus", architecture="relay", rng="lfsr32", weight_bits=6),
)
A_RUN = 10**6  # site updates
Row = dict[str, str | int]


def soak(number: int, spec: FabricSpec, wanted: int) -> Iterator[Row]:
    """What has been compared of a fabric, after every image."""
    rtl, native = RtlDevice(spec, optimise="-O3"), open_device("native", spec)
    updates = states = wrong = clocks = seed = 0
    sweeps = max(8, min(A_RUN, wanted) // spec.n_sites)
    while updates < wanted:
        image = random_image(np.random.default_rng([number, seed]), spec)
        assert image.order is not None
        schedule, runs = Schedule(sweeps % 7, sweeps // 4, 4), []
        for device in (rtl, native):
            device.load(image)
            runs.append(device.run(schedule))
        updates += schedule.n_sweeps * int(image.order.is_root.sum())
        states += runs[0].sites.size
        wrong += int((runs[0].sites != runs[1].sites).sum())
        clocks += runs[0].ledger.cycles
        seed += 1
        yield {"architecture": spec.architecture, "fabric": repr(spec), "updates": updates, "states": states,
               "differ": wrong, "clocks": clocks}  # fmt: skip


def main() -> None:
    wanted = int(float(sys.argv[1])) if len(sys.argv) > 1 else 10**8
    path = ROOT / "docs" / "results" / "relays_soak.json"
    known = json.loads(path.read_text())["rows"] if path.exists() else []
    rows: dict[str, Row] = {row["fabric"]: row for row in known}
    for number, spec in enumerate(SPECS):
        if sys.argv[2:] and not {spec.architecture, spec.topology.name} & set(sys.argv[2:]):
            continue
        began, share = time.perf_counter(), wanted // sum(other.architecture == spec.architecture for other in SPECS)
        for row in soak(number, spec, share):
            rows[repr(spec)] = row
            write_results("relays_soak", {"rows": list(rows.values())})
        took = time.perf_counter() - began
        print(f"{spec!r}: {row['updates']} updates, {row['differ']} states differ, {took:.0f} s", flush=True)
    sys.exit(any(row["differ"] for row in rows.values()))


if __name__ == "__main__":
    main()
