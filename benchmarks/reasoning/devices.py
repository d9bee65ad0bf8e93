"""The constraint program alone on every device: are the bits the same, and how long does a puzzle take?

    python benchmarks/reasoning/devices.py                # 4×4 and 6×6; builds the RTL, some minutes
    python benchmarks/reasoning/devices.py --sides 4      # 4×4 only

Chains of one puzzle from one seed; *same bits* compares every site of every chain with jax. ``serial`` is the fabric's
RTL behind the gateware of its serial line, at the other end of a pseudo-terminal.
"""

import argparse
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import write_results

from thermofab.apps.reasoning import Annealing, ConstraintProgram, box_of, sampled_puzzles
from thermofab.hw.link.device import SerialDevice
from thermofab.sim.rtl.board import simulated_board


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sides", default="4,6")
    parser.add_argument("--chains", type=int, default=4)
    options = parser.parse_args()
    rows = []
    for side in map(int, options.sides.split(",")):
        puzzle = sampled_puzzles(box_of(side), 1, seed=2026).puzzles[0]
        annealing = Annealing(sweeps=4 if side == 4 else 16)
        expected = ConstraintProgram(box_of(side), "jax", annealing).sample(puzzle, chains=options.chains, seed=5)
        for name in ("jax", "native", "rtl", *(["serial"] if side == 4 else [])):
            with ExitStack() as stack:
                device = name
                spec = ConstraintProgram(box_of(side), "jax", annealing).fabric
                if name == "serial":
                    path = stack.enter_context(simulated_board(spec, divisor=2))
                    device = stack.enter_context(SerialDevice(spec, url=f"serial://{path}"))
                program = ConstraintProgram(box_of(side), device, annealing)
                program.sample(puzzle, chains=1, seed=5)  # builds and compiles
                start = time.perf_counter()
                found = program.sample(puzzle, chains=options.chains, seed=5)
                spent = time.perf_counter() - start
            row = {
                "side": side, "device": name, "sites": spec.n_sites, "sweeps": found.sweeps, "chains": options.chains,
                "same_bits": bool(np.array_equal(found.sites, expected.sites)), "solved": found.solved,
                "seconds": spent,
            }  # fmt: skip
            rows.append(row)
            print(row, flush=True)
    print(write_results("reasoning_devices", {"rows": rows}))


if __name__ == "__main__":
    main()
