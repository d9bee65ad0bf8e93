"""cocotb: the emitted Verilog of all architectures in lockstep with the reference, every site after every sweep.

``THERMOFAB_SEED`` in the environment replaces the seeds given here.
"""

import numpy as np
import pytest

from tests.seeds import seed_of
from thermofab.hw.spec import SpecError, fabric
from thermofab.sim.conformance import families, random_fabric
from thermofab.sim.cosim import installed_simulators, lockstep

SHORT = {
    "torus": fabric("g4-4x4-torus", moment_bits=6),
    "open, fine, other generator": fabric("king-5x7", profile="fine", min_shift=3, rng="xoshiro128+", levels=3),
    "few lanes": fabric("g4-4x6-torus", elements=3),
    "all to all, narrow": fabric(
        "complete-7", weight_bits=4, bias_bits=5, table_bits=4, threshold_bits=4, rng="lfsr32", levels=1
    ),
    "p-dits": fabric("pdit4-2x3", levels=2),
    "systolic torus": fabric("g4-6x6-torus", architecture="systolic", moment_bits=4, table_bits=6),
    "systolic, four colours": fabric(
        "king-5x6", architecture="systolic", levels=3, rng="xoshiro128+", word_bits=32, dither_bits=7, min_shift=2
    ),
    "systolic graph, narrow": fabric(
        "complete-7",
        architecture="systolic",
        weight_bits=4,
        bias_bits=5,
        table_bits=4,
        threshold_bits=4,
        rng="lfsr32",
        levels=2,
    ),
    "dense, chunks": fabric("complete-12", architecture="dense", moment_bits=5, table_bits=6),
    "dense, rows in parts": fabric(
        "king-4x5", architecture="dense", elements=6, levels=3, rng="xoshiro128+", word_bits=32, dither_bits=7,
        min_shift=2,
    ),
    "dense, narrow": fabric(
        "complete-7", architecture="dense", weight_bits=4, bias_bits=5, table_bits=4, threshold_bits=4, rng="lfsr32",
        levels=2, elements=7,
    ),
    "relay, tiles": fabric("g8-4x5", architecture="relay", moment_bits=5, table_bits=6),
    "relay, private": fabric(
        "king-4x4", architecture="relay", tile=1, levels=3, rng="xoshiro128+", word_bits=32, dither_bits=7, min_shift=2
    ),
    "relay, narrow": fabric(
        "g4-3x5", architecture="relay", weight_bits=4, bias_bits=5, table_bits=4, threshold_bits=4, rng="lfsr32",
        levels=2,
    ),
    "relay, wide": fabric("g4-4x3", architecture="relay", weight_bits=15, bias_bits=16, profile="fine"),
}  # fmt: skip


# On the second simulator two fabrics; the others take as long again (-m soak).
ON_ALL = ("torus", "systolic torus")
CASES = [
    pytest.param(
        name, simulator, id=f"{name}-{simulator}",
        marks=[] if simulator == "verilator" or name in ON_ALL else pytest.mark.soak,
    )
    for name in SHORT
    for simulator in installed_simulators()
]  # fmt: skip


@pytest.mark.parametrize("name, simulator", CASES)
def test_lockstep(name, simulator, tmp_path):
    updates = 20_000 if simulator == "verilator" else 2_000
    found = lockstep(SHORT[name], simulator, updates=updates, seed=seed_of(1), folder=tmp_path)
    assert found.compared >= updates


@pytest.mark.soak
@pytest.mark.parametrize("architecture", ["spatial", "systolic", "relay", "dense"])
def test_soak(architecture, tmp_path, capsys):
    """At least 10^6 site updates over random fabrics of every family."""
    rng, total = np.random.default_rng(2024), 0
    for family in families():
        spec = random_fabric(rng, family)
        while spec.n_sites < 6:
            spec = random_fabric(rng, family)
        try:
            spec = fabric(spec, architecture=architecture)
            folder = tmp_path / family
            folder.mkdir()
            seed = seed_of(int(rng.integers(2**31)))
            compared = lockstep(spec, "verilator", updates=80_000, seed=seed, folder=folder).compared
        except SpecError as error:  # a lattice that cannot be dealt to elements
            with capsys.disabled():
                print(f"\n{family}: {error}", end="", flush=True)
            continue
        total += compared
        with capsys.disabled():
            print(f"\n{compared} site updates of {spec!r} compared, 0 differ", end="", flush=True)
    with capsys.disabled():
        print(f"\n{total} site updates compared in all, 0 differ")
    assert total >= 10**6
