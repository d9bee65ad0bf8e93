"""Certificates against enumeration: random programs on every family.

    python benchmarks/exactness.py                       # 40 programs a fabric
    python benchmarks/exactness.py 4 g12-16x16 king-12x12

Programs of :data:`thermofab.compiler.certify.exactness.KINDS` in turn: pairs, sparse and dense, with clamps; terms of
three to five spins; categories of up to eight states, alone and with spins. ``own`` is each program's own fabric, with
factors (``fab.compiler.fabric_of``); ``tables`` counts programs that put terms on factors. ``exact``: certified
``Exact``, with the largest difference of a probability from the program's own; ``bounded``: with the largest share of
its bound that the TV comes to; ``refused``: no embedding; ``too wide``: the distribution of the compiled model needs
too large a table to sum.
"""

import sys
import time

import numpy as np

from thermofab.compiler import fabric_of
from thermofab.compiler.certify.exactness import KINDS, distance, random_program, wired
from thermofab.hw.spec import CompileError, Exact, SpecError, fabric

FABRICS = (
    "complete-120", "g8-16x16", "g12-16x16", "z1-16x16", "king-12x12", "chimera-5", "pegasus-3", "zephyr-3",
    "pdit8-6x6", "own",
)  # fmt: skip


def main() -> None:
    each = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(f"{'fabric':<14}{'programs':>9}{'exact':>7}{'worst':>10}{'tables':>8}{'bounded':>9}{'of bound':>10}"
          f"{'refused':>9}{'too wide':>10}{'wall, s':>9}")  # fmt: skip
    failed = 0
    for name in sys.argv[2:] or FABRICS:
        common, start = None if name == "own" else fabric(name), time.perf_counter()
        exact, shares, refused, wide, tables = [], [], 0, 0, 0
        for kind in KINDS.values():
            for seed in range(each):
                rng = np.random.default_rng(seed)
                source = random_program(rng, kind)
                try:
                    stage = wired(source, common or fabric_of(source))
                except CompileError:
                    refused += 1
                    continue
                tables += len(stage.tables) > 0
                try:
                    tv, largest = distance(stage, rng, source)
                except SpecError:
                    wide += 1
                    continue
                if isinstance(stage.certificate, Exact):
                    exact.append(largest)
                else:
                    shares.append(tv / stage.certificate.tv)
        worst, share = max(exact, default=0.0), max(shares, default=0.0)
        failed += worst > 1e-9 or share > 1 + 1e-9
        print(f"{name:<14}{each * len(KINDS):>9}{len(exact):>7}{worst:>10.1e}{tables:>8}{len(shares):>9}{share:>10.3f}"
              f"{refused:>9}{wide:>10}{time.perf_counter() - start:>9.0f}", flush=True)  # fmt: skip
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
