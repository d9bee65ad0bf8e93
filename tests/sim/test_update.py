"""The update rule, word by word: over all 65,536 words a site fires exactly as often as the table says."""

import jax.numpy as jnp
import networkx
import numpy as np
import pytest

from thermofab.hw.spec import Image, Schedule, Topology, fabric, flip_probability, sigmoid_table
from thermofab.hw.spec.device import plan_run
from thermofab.sim.functional.kernel import kernel_of
from thermofab.sim.reference import Chain

SPECS = [
    fabric(Topology.from_networkx(networkx.empty_graph(1), "one"), table_bits=6, dither_bits=4, threshold_bits=12),
    fabric(Topology.from_networkx(networkx.empty_graph(1), "one"), table_bits=4, dither_bits=2, threshold_bits=10),
    fabric(Topology.from_networkx(networkx.empty_graph(1), "one"), table_bits=5, dither_bits=8, threshold_bits=8),
]
FIELDS = (-2047, -300, -129, -128, -33, -17, -1, 0, 1, 5, 16, 100, 127, 128, 129, 1000, 2047)


def one_site(spec, bias, shift):
    tables = np.tile(np.sort(np.random.default_rng(1).integers(1, 2**spec.threshold_bits, spec.table_size)), (4, 1))
    return Image(spec, np.zeros(0, int), np.array([bias]), tables, shift, np.array([-1]))


def counting(state: tuple[int, ...], word_bits: int) -> tuple[tuple[int, ...], int]:
    """A generator's step that yields 0, 1, 2, …"""
    return (state[0] + 1,), state[0]


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("end", ["lowest", "highest"])
def test_reference_fires_as_often_as_the_interpolated_table(spec, end, monkeypatch):
    shift = spec.min_shift if end == "lowest" else spec.dither_bits
    for field in FIELDS[::4]:
        image = one_site(spec, field, shift)
        chain = Chain(plan_run(image, Schedule(0, 1), 1, None, None, None), 0)
        monkeypatch.setattr(chain.generator, "step", counting)
        chain.rng = [(0,)]
        fired = 0
        for _ in range(2**16):
            chain.sweep(0)
            fired += chain.n[0]
        expected = flip_probability(spec, image.tables[0], shift, np.array(field)) * 2**16
        assert fired == expected, f"field {field}, shift {shift}"


@pytest.mark.parametrize("spec", SPECS)
def test_jax_fires_as_often_as_the_interpolated_table(spec):
    kernel, words = kernel_of(spec), jnp.arange(2**16, dtype=jnp.uint16)
    for shift in range(spec.min_shift, spec.dither_bits + 1):
        for field in FIELDS:
            image = one_site(spec, field, shift)
            parameters = kernel.parameters(image, np.array([False]))
            mask = kernel.fire(
                parameters,
                0,
                parameters.tables[0],
                jnp.zeros((1, 2**16), jnp.int8),
                jnp.full((1, 2**16), field, jnp.int16),
                words[None],
            )
            expected = flip_probability(spec, image.tables[0], shift, np.array(field)) * 2**16
            assert int(-mask.astype(jnp.int32).sum()) == expected, f"field {field}, shift {shift}"


def test_probability_is_the_sigmoid_to_the_accuracy_of_the_table():
    """|P - σ(2βΔF)| stays below the rounding of an entry plus the interpolation error h²/8·max|σ''|."""
    spec, step, shift = fabric("g4-3x3"), 1 / 127, 3
    table = sigmoid_table(spec, step, shift)
    field = np.arange(-1000, 1000)
    spacing = 2 * step * 2**shift
    bound = 0.5 / 2**spec.threshold_bits + spacing**2 / 8 * 0.0963 + 1 / 2**spec.threshold_bits
    error = np.abs(flip_probability(spec, table, shift, field) - 1 / (1 + np.exp(-2 * step * field)))
    assert error.max() < bound
