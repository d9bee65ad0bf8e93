"""cocotb: the emitted Verilog in lockstep with the reference, every site after every sweep."""

import numpy as np
import pytest
from rtl_runner import simulate, simulators

from thermofab.hw.spec import fabric
from thermofab.sim.conformance import families, random_fabric

SHORT = {
    "torus": fabric("g4-4x4-torus"),
    "open, 32-bit words, other generator": fabric(
        "king-5x7", word_bits=32, dither_bits=7, threshold_bits=16, min_shift=3, rng="xoshiro128+", levels=3
    ),
    "few lanes": fabric("g4-4x6-torus", elements=3),
    "all to all, narrow": fabric("complete-7", weight_bits=4, bias_bits=5, table_bits=4, rng="lfsr32", levels=1),
}


@pytest.mark.parametrize("simulator", simulators())
@pytest.mark.parametrize("name", SHORT)
def test_lockstep(name, simulator, tmp_path, monkeypatch):
    updates = 20_000 if simulator == "verilator" else 2_000
    compared = simulate(simulator, SHORT[name], 1, updates, tmp_path, monkeypatch)
    assert compared >= updates


@pytest.mark.soak
def test_soak(tmp_path, monkeypatch, capsys):
    """At least 10^6 site updates over random fabrics of every family."""
    rng, total = np.random.default_rng(2024), 0
    for family in families():
        spec = random_fabric(rng, family)
        while spec.n_sites < 6:
            spec = random_fabric(rng, family)
        folder = tmp_path / family
        folder.mkdir()
        compared = simulate("verilator", spec, int(rng.integers(2**31)), 80_000, folder, monkeypatch)
        total += compared
        with capsys.disabled():
            print(f"\n{compared} site updates of {spec!r} compared, 0 differ", end="", flush=True)
    with capsys.disabled():
        print(f"\n{total} site updates compared in all, 0 differ")
    assert total >= 10**6
