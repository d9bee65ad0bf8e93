"""The random number battery: streams as p-bits meet them, through tests that linear generators fail, and TestU01.

    python benchmarks/rng/battery.py                 ranks, linear complexity, physics
    python benchmarks/rng/battery.py --testu01 small  and SmallCrush on every stream (crush: hours)

TestU01 is a C library: on Debian, enable `non-free` and `apt-get install libtestu01-0-dev`.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
from linear import linear_complexity, rank_p_value
from physics import distribution_test, energy_test
from streams import SIDE, bits, from_device, orders, seeds

from thermofab.hw.spec import topology

HERE = Path(__file__).resolve().parent
RNGS = ("lfsr64", "lfsr32", "xoshiro128+")
SIZES = (48, 96, 256, 1024)
SUSPECT, FAILED = 1e-4, 1e-10


def verdict(p: float) -> str:
    return "FAIL" if p < FAILED else f"{p:.2f}" if p > 0.005 else f"{p:.0e}"


def linear_tests(seed: int) -> None:
    lattice = topology(f"g12-{SIDE}x{SIDE}-torus")
    print(
        "\nrank of L×L bit matrices: p-value (FAIL: below 1e-10); linear complexity of 40,000 bits (20,000 if random)"
    )
    print(
        f"{'generator':<12} {'stream':<28} {'bits':<6}" + "".join(f"{f'L={size}':>8}" for size in SIZES) + f"{'LC':>8}"
    )
    for rng in RNGS:
        for name, order in orders(lattice).items():
            state = seeds(rng, order, lattice.n_sites, seed)
            for kind in (False, True):
                drawn = bits(rng, state, SIZES[-1] ** 2, kind)
                ranks = [verdict(rank_p_value(drawn[: 100 * size**2], size)) for size in SIZES]
                length = linear_complexity(drawn[:40_000])
                print(f"{rng:<12} {name:<28} {'top' if kind else 'all':<6}" + "".join(f"{r:>8}" for r in ranks)
                      + f"{length:>8}", flush=True)  # fmt: skip


def from_hardware(seed: int) -> None:
    """The streams above are the RTL's: its sites show the top bits of the words that the integer step draws."""
    print("\ntop bits of all sites' words, 8×8 torus, 2,000 sweeps, against the integer step")
    for rng in RNGS:
        sites = topology("g4-8x8-torus").n_sites
        state = seeds(rng, [(0, i) for i in range(sites)], sites, seed)
        expected = bits(rng, state, 2000 * sites, top_only=True).reshape(2000, sites)
        for device in ("rtl", "jax", "native"):
            same = np.array_equal(from_device(device, rng, 2000, seed), expected)
            print(f"{rng:<12} {device:<8} {'equal' if same else 'DIFFERENT'}", flush=True)


def physics(seed: int) -> None:
    print("\n8×8 Ising torus at β 0.42: relative deviation from the transfer matrix, and in standard errors")
    print(f"{'generator':<12} {'energy':>12} {'σ':>7} {'heat capacity':>15} {'σ':>7} {'split replicas, σ':>19}")
    for rng in RNGS:
        found = energy_test(rng, 512, 8_000, seed)
        print(f"{rng:<12} {found['energy']:>12.2e} {found['energy_sigma']:>7.2f} {found['capacity']:>15.2e} "
              f"{found['capacity_sigma']:>7.2f} {found['halves_sigma']:>19.2f}", flush=True)  # fmt: skip
    print("\nten coupled spins: TV to the enumerated distribution, and what sampling alone would give")
    for rng in RNGS:
        found, noise = distribution_test(rng, 256, 100_000, seed)
        print(f"{rng:<12} {found:>10.2e} {noise:>10.2e}", flush=True)


def testu01(battery: str, seed: int, only: str | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "testu01"
        build = ["gcc", "-O2", "-I/usr/include/testu01", str(HERE / "testu01.c"), "-ltestu01"]
        if subprocess.run([*build, "-lm", "-o", str(program)]).returncode:
            sys.exit("TestU01 is not installed: enable Debian's non-free and apt-get install libtestu01-0-dev.")
        lattice = topology(f"g12-{SIDE}x{SIDE}-torus")
        print(f"\nTestU01 {'SmallCrush' if battery == 'small' else 'Crush'}: tests outside [1e-4, 1-1e-4]")
        for rng in RNGS:
            for name, order in orders(lattice).items():
                if only and only not in f"{rng} {name}":
                    continue
                state = seeds(rng, order, lattice.n_sites, seed)
                text = f"{len(order)}\n" + "\n".join(map(str, state.reshape(-1).tolist())) + "\n"
                run = [str(program), rng.replace("+", "p")]
                checked = subprocess.run([*run, "check"], input=text, capture_output=True, text=True).stdout.split()
                expected = bits(rng, state, 64 * 16).reshape(64, 16) @ (1 << np.arange(16))
                if [int(word) for word in checked] != expected.tolist():
                    sys.exit(f"{rng}: the C generator does not draw the words of the integer step.")
                started = time.perf_counter()
                output = subprocess.run([*run, battery], input=text, capture_output=True, text=True).stdout
                tests = [line.split("\t") for line in output.split("BEGIN\n")[1].splitlines()]
                values = [(float(p), title) for p, title in tests]
                odd = [(p, title) for p, title in values if not SUSPECT <= p <= 1 - SUSPECT]
                said = ", ".join(f"{title} ({p:.1g})" for p, title in odd) or "none"
                taken = time.perf_counter() - started
                print(f"{rng:<12} {name:<28} {len(odd)} of {len(values)}: {said} [{taken:.0f} s]", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="The random number battery.")
    parser.add_argument("--testu01", choices=("small", "crush"))
    parser.add_argument("--only", help="TestU01 on streams whose name holds this, e.g. 'lfsr64 all'")
    parser.add_argument("--skip", action="store_true", help="TestU01 alone")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    if not given.skip:
        from_hardware(given.seed)
        linear_tests(given.seed)
        physics(given.seed)
    if given.testu01:
        testu01(given.testu01, given.seed, given.only)


if __name__ == "__main__":
    main()
