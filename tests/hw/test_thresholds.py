"""What benchmarks/thresholds.py and cold.py measure with: forms of the table, exact sweeps and energies, the cell."""

# Amaranth makes its context managers and interface members at run time; a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import numpy as np
import pytest
from cold import exact_energy
from thresholds import DEFAULT, FINE, Cell, Form, distance, program, stationary, sweep_matrix, up_down

from thermofab.hw.spec import fabric, flip_probability, sigmoid_table

EXPONENT = Form(24, 8, 32, significant=8)


@pytest.mark.parametrize("form", [DEFAULT, FINE], ids=lambda form: form.name)
def test_tables_and_probabilities_are_the_contracts(form):
    """Red if the benchmark judges another table, clip or dither than the contract's."""
    spec, step, shift = fabric("g4-3x3", **form.widths), 0.04, 3
    table = form.table(2 * step * 2**shift)
    assert np.array_equal(table, sigmoid_table(spec, step, shift))
    fields = np.arange(-1500, 1500)
    up, down = up_down(form, table, shift, fields)
    assert np.array_equal(up, flip_probability(spec, table, shift, fields)) and np.all(up + down == 1)


def test_an_exponent_keeps_the_significant_bits():
    """Red if a code loses its implied bit, rounds past its mantissa without a carry, or misses the floor."""
    t, m = EXPONENT.threshold_bits, EXPONENT.significant
    wanted = np.concatenate([2.0 ** -np.arange(1, 40), (1 - 2.0**-12) * 2.0 ** -np.arange(1, 40)])
    wanted = np.concatenate([wanted, np.random.default_rng(0).uniform(0, 0.5, 500)])
    code = EXPONENT.code(wanted)
    made = EXPONENT.threshold(code) / 2.0**t
    assert code.min() >= 0 and code.max() < 2**EXPONENT.entry_bits
    assert made.min() == 2.0**-t and made.max() == 0.5
    inside = wanted >= 2.0 ** (m - t)
    assert np.all(np.abs(made / wanted - 1)[inside] <= 2.0**-m)


def test_elimination_finds_the_stationary_distribution():
    """Red if the order of bits or sites, or a product of the sweep, is wrong: heat-bath updates leave exp(-E) alone."""
    couplings, biases = program(3, 1.0)
    spins = 2 * (np.arange(64)[:, None] >> np.arange(6) & 1) - 1
    weight = np.exp(spins @ biases + 0.5 * np.einsum("xi,ij,xj->x", spins, couplings, spins))
    up = 1 / (1 + np.exp(-2 * (biases + spins @ couplings)))
    matrix = sweep_matrix(up.T[:, None], (1 - up).T[:, None])
    assert np.allclose(matrix.sum(axis=2), 1)
    assert np.allclose(stationary(matrix)[0], weight / weight.sum(), rtol=1e-9, atol=0)


def test_a_lower_floor_brings_a_cold_program_nearer():
    """Red if the floor does not reach the figures: the 12-bit floor unbalances the wells of program 1 of σ = 2."""
    cold = program(1, 2.0)
    assert distance(DEFAULT, *cold) > 0.1 > 0.01 > distance(FINE, *cold)


def test_the_transfer_matrix_is_enumeration():
    """Red if a bond is left out, doubled or of the wrong sign, on a lattice small enough to enumerate."""
    rng = np.random.default_rng(0)
    across, down = rng.choice([-1, 1], (3, 3)), rng.choice([-1, 1], (2, 4))
    s = (2 * (np.arange(2**12)[:, None] >> np.arange(12) & 1) - 1).reshape(-1, 3, 4)
    energy = -(s[:, :, :-1] * s[:, :, 1:] * across).sum((1, 2)) - (s[:, :-1] * s[:, 1:] * down).sum((1, 2))
    for beta in (0.3, 3.0):
        weight = np.exp(-beta * (energy - energy.min()))
        assert np.isclose(exact_energy(across, down, beta), (weight * energy).sum() / weight.sum(), rtol=1e-12)


@pytest.mark.rtl
@pytest.mark.parametrize("form", [FINE, EXPONENT, Form(12, 4, 16, table_bits=4)], ids=lambda form: form.name)
def test_the_cell_compares_as_the_emulation_does(form):
    """Red if the cell looks up another entry, shifts otherwise, or takes the wrong side: words on either edge of every
    threshold, at every address of two levels, by both ports."""
    from amaranth.sim import Simulator

    half, cell = 2 ** (form.table_bits - 1), Cell(form)
    tables = [form.table(argument) for argument in (0.01, 0.13 * 128 / half)]
    if form.significant:
        codes = [form.code(1 / (1 + np.exp(x * np.arange(half)))) for x in (0.01, 0.13 * 128 / half)]
        stored, first = np.concatenate(codes), half  # entry |a| at half + |a|
    else:
        stored, first = 2**form.threshold_bits - 1 - np.concatenate(tables), 0
    addresses = np.random.default_rng(0).permutation(2 * len(tables[0]))[:120]

    async def bench(ctx):
        ctx.set(cell.write, 1)
        for place, word in enumerate(stored.tolist()):
            level, entry = divmod(place, len(stored) // 2)
            ctx.set(cell.level, level)
            ctx.set(cell.index_0, first + entry)
            ctx.set(cell.write_data, word)
            await ctx.tick()
        ctx.set(cell.write, 0)
        ctx.set(cell.busy, 1)
        for where in addresses.tolist():
            level, index = divmod(where, 2 * half)
            threshold = int(tables[level][index])
            # The likely side of an exponent form is that of words not below the unlikely threshold.
            upper = bool(form.significant) and index >= half
            edge = 2**form.threshold_bits - threshold if upper else threshold
            ctx.set(cell.level, level)
            ctx.set(cell.index_0, index)
            ctx.set(cell.index_1, index)
            await ctx.tick()
            ctx.set(cell.word_0, edge - 1)
            ctx.set(cell.word_1, min(edge, 2**form.threshold_bits - 1))
            await ctx.tick()
            assert ctx.get(cell.state_0) == (not upper), (level, index)
            assert ctx.get(cell.state_1) == upper, (level, index)

    simulator = Simulator(cell)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
