"""Random programs on random fabrics: whatever certificate comes out must be true."""

import networkx
import numpy as np
import pytest

import thermofab as fab
from tests.compiler.compiler_cases import distribution_over_roots, laid_out, model_of, weighted
from thermofab.compiler.distributions.enumeration import total_variation
from thermofab.compiler.ir.lowered import Lowered
from thermofab.hw.spec import Bounded, CompileError, Exact

FABRICS = ("g4-4x4", "g8-5x5", "king-4x4", "chimera-2x2", "g4-4x4-torus", "g12-6x6", "cubic-3x3x3", "z1-6x6")


def random_program(seed):
    """2 to 8 nodes, up to two edges a node, some of them clamped; and a fabric."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 9))
    graph = networkx.gnm_random_graph(n, int(rng.integers(0, min(n * (n - 1) // 2, 2 * n) + 1)), seed=seed)
    name = str(rng.choice(FABRICS))
    model = model_of(weighted(graph, seed, coupling=float(rng.uniform(0.2, 2))))
    clamped = tuple(k for k in range(1, n) if rng.random() < 0.2)
    free = tuple(k for k in range(n) if k not in clamped)
    values = {k: bool(rng.random() < 0.5) for k in clamped}
    return Lowered(model, (free,), (clamped,) if clamped else ()), name, values


@pytest.mark.parametrize("group", range(10))
def test_certificates_are_true(group):
    checked = 0
    for seed in range(24 * group, 24 * group + 24):
        source, name, values = random_program(seed)
        try:
            draft = laid_out(source, name, tolerance=0.999)
        except CompileError as refusal:
            # Planar fabrics and small ones; nothing else may be refused.
            assert str(refusal).startswith("no embedding of the program's"), (seed, refusal)
            continue
        if sum(len(draft.layout.copies[k]) for k in source.free_blocks[0]) > 18:
            continue
        distance = total_variation(
            distribution_over_roots(draft, values), fab.exact(source, clamp=values).probabilities
        )
        if isinstance(draft.certificate, Exact):
            assert distance < 1e-9, seed
        else:
            assert isinstance(draft.certificate, Bounded) and distance <= draft.certificate.tv + 1e-12, seed
        checked += 1
    assert checked >= 18


@pytest.mark.parametrize("group", range(4))
def test_integer_programs_stay_close(group):
    """Default widths, couplings up to about 2: the enumerated end-to-end TV is a few thousandths, 0.03 at the most."""
    checked = 0
    for seed in range(1000 + 20 * group, 1020 + 20 * group):
        rng = np.random.default_rng(seed)
        graph = networkx.gnm_random_graph(6, 8, seed=seed)
        source = weighted(graph, seed, coupling=float(rng.uniform(0.2, 0.9)))
        try:
            report = fab.compile(source, FABRICS[seed % 4]).report
        except CompileError:
            continue
        if report.end_to_end_tv is not None:
            assert report.end_to_end_tv < 0.03, seed
            checked += 1
    assert checked >= 10
