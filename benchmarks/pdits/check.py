"""The p-dit cell in Amaranth's simulator: how often it takes each state, beside the soft-max of its fields.

python benchmarks/pdits/check.py            # half a minute
"""

import warnings

import numpy as np
from amaranth.sim import Simulator
from cell import CLOCKS_A_STATE, LATENCY, PditCell

from thermofab.hw.spec import fabric, sigmoid_table

UPDATES, STEP = 3000, 1 / 48


def frequencies(bits: int, neighbours: int = 4, updates: int = UPDATES) -> tuple[np.ndarray, np.ndarray]:
    """``(found, wanted)`` over the states, for random tables and states of the neighbours."""
    spec = fabric("g4-4x4")
    cell: PditCell = PditCell(spec, bits, neighbours)
    draw, q = np.random.default_rng(bits), 2**bits
    biases = draw.integers(-30, 31, q)
    weights = draw.integers(-20, 21, (neighbours, q, q))
    near = draw.integers(0, q, neighbours)
    field = biases + sum(weights[k][:, near[k]] for k in range(neighbours))
    wanted = np.exp(2 * STEP * (field - field.max()))
    shift = 1
    thresholds = (2**spec.threshold_bits - 1) - sigmoid_table(spec, STEP, shift)
    correction = np.round(np.log1p(np.exp(-2 * STEP * np.arange(spec.table_size))) / (2 * STEP)).astype(int)
    taken: list[int] = []

    async def drive(ctx):
        ports = cell
        ctx.set(ports.dither_mask, 2**shift - 1)
        ctx.set(ports.extra_shift, shift - spec.min_shift)
        for k in range(neighbours):
            ctx.set(getattr(ports, f"neighbour_{k}"), int(near[k]))
        rows = [(0, i, int(biases[i])) for i in range(q)]
        rows += [
            (k + 1, int(a * q + b), int(weights[k, a, b]))
            for k in range(neighbours)
            for a in range(q)
            for b in range(q)
        ]
        for table, index, value in rows:
            ctx.set(ports.write_table, 1 << table)
            ctx.set(ports.write_index, index)
            ctx.set(ports.write_data, value % 2 ** len(ports.write_data))
            await ctx.tick()
        ctx.set(ports.write_table, 0)
        ctx.set(ports.seed_in, 0x9E3779B97F4A7C15)
        ctx.set(ports.seed_shift, 1)
        await ctx.tick()
        ctx.set(ports.seed_shift, 0)
        for _ in range(updates):
            ctx.set(ports.start, 1)
            await ctx.tick()
            ctx.set(ports.start, 0)
            for _ in range(CLOCKS_A_STATE * q + LATENCY):
                address, other = ctx.get(ports.address), ctx.get(ports.correction_address)
                await ctx.tick()
                ctx.set(ports.threshold, int(thresholds[address]))
                ctx.set(ports.correction, int(correction[other]))
            taken.append(ctx.get(ports.state))

    simulator = Simulator(cell)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        simulator.run()
    return np.bincount(taken, minlength=q) / updates, wanted / wanted.sum()


def main() -> None:
    for bits in (1, 2, 3):
        found, wanted = frequencies(bits)
        noise = np.sqrt(wanted * (1 - wanted) / UPDATES)
        print(f"{2**bits} states: TV {0.5 * np.abs(found - wanted).sum():.4f}, "
              f"largest deviation {np.max(np.abs(found - wanted) / noise):.1f} standard errors")  # fmt: skip


if __name__ == "__main__":
    main()
