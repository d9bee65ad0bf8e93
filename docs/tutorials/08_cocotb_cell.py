# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # cocotb for your own cell
#
# You want to build a p-bit your own way. How do you know that it is right? Random bits hide faults: a cell that is wrong
# once in 4,000 updates has a histogram that looks perfect. So do not look at histograms. Compare *every bit* with the
# reference, under cocotb, on the Verilog that you will synthesise.
#
# In this tutorial you write a cell in Amaranth, convert it to Verilog, and run 16,000 updates of it in Verilator. Beside it
# runs a cell with a small fault, to see that the test notices.

# %%
import operator
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import networkx
import numpy as np
from amaranth import Array, Module, Mux, Signal, signed
from amaranth.back import verilog
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

import thermofab as fab
from cell_bench import CellJob
from thermofab.hw.rng.base import seed_words
from thermofab.hw.spec import flip_probability, generator, plan_run
from thermofab.sim.cosim import Bench, BenchFailed, Design
from thermofab.sim.cosim.simulation import build

plt.style.use("tutorial.mplstyle")

# %% [markdown]
# ## What the cell has to do
#
# The reference needs something to run: a p-bit with four neighbours. It is compiled onto a fabric of its own graph, and
# the image holds the integers that the cell is built from: weights, bias, thresholds and shift.

# %%
star = networkx.star_graph(4)  # node 0 is the p-bit, 1 to 4 are its neighbours
for leaf, coupling in zip(range(1, 5), (0.7, -0.4, 0.9, 0.25), strict=True):
    star.edges[0, leaf]["weight"] = coupling
star.nodes[0]["bias"] = -0.3
program = fab.compile(star, fab.fabric_of(star, rng="lfsr32"))
image, spec = program.image, program.fabric
print(
    "weights",
    image.weights,
    " bias",
    image.biases[0],
    " shift",
    image.shift,
    " thresholds",
    image.tables.shape,
)

# %% [markdown]
# ## The cell
#
# In every clock with `update` the cell adds up its field, adds the dither, clips, looks up a threshold and compares. The
# random generator is a ready component.

# %%


class PBit(wiring.Component):
    """A p-bit of fixed integers; ``state`` is new one clock after ``update``."""

    def __init__(self, image, compare=operator.lt):
        self.image, self.compare = image, compare
        super().__init__(
            {
                "seed": In(32),
                "load": In(1),
                "update": In(1),
                "neighbours": In(len(image.weights)),
                "state": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        spec, shift, half = (
            self.image.fabric,
            self.image.shift,
            self.image.fabric.table_size // 2,
        )
        m.submodules.generator = draws = generator(spec.rng).create(
            spec.word_bits
        )
        words, field, address = (
            Signal(32),
            Signal(signed(spec.field_bits)),
            Signal(signed(spec.field_bits)),
        )
        m.d.comb += [
            draws.state.eq(words),
            field.eq(
                int(self.image.biases[0])
                + sum(
                    Mux(bit, int(w), -int(w))
                    for bit, w in zip(
                        self.neighbours, self.image.weights, strict=True
                    )
                )
            ),
            address.eq((field + draws.word[:shift]) >> shift),
        ]
        clipped = Mux(
            address < -half, -half, Mux(address > half - 1, half - 1, address)
        )
        threshold = Array(self.image.tables[0].tolist())[
            (clipped + half)[: spec.table_bits]
        ]
        with m.If(self.load):
            m.d.sync += words.eq(self.seed)
        with m.Elif(self.update):
            high = draws.word[spec.word_bits - spec.threshold_bits :]
            m.d.sync += [
                self.state.eq(self.compare(high, threshold)),
                words.eq(draws.next),
            ]
        return m


# %% [markdown]
# A test that never fails shows nothing. So the design holds two cells with the same inputs: yours, and one with a small
# fault, where ≤ stands instead of <. That changes an update only if the random number equals the threshold, one time in
# 4,096.

# %%


class Cells(wiring.Component):
    """Cells side by side; bit k of ``state`` is cell k's."""

    def __init__(self, *cells):
        self.cells = cells
        super().__init__(
            dict(cells[0].signature.members) | {"state": Out(len(cells))}
        )

    def elaborate(self, platform):
        m = Module()
        for k, cell in enumerate(self.cells):
            m.submodules[f"cell_{k}"] = cell
            m.d.comb += [
                getattr(cell, name).eq(getattr(self, name))
                for name in ("seed", "load", "update", "neighbours")
            ]
            m.d.comb += self.state[k].eq(cell.state)
        return m


source = verilog.convert(
    Cells(PBit(image), PBit(image, compare=operator.le)),
    name="cells",
    strip_internal_attrs=True,
)
print(len(source.splitlines()), "lines of Verilog")

# %% [markdown]
# ## What the reference says
#
# `"reference"` is the definition in plain Python. Sixteen replicas run, each with another pattern on the neighbours. The
# plan of the run says which seed every generator starts from, so the cell can start from the same.

# %%
updates = 1000
patterns = np.arange(16)[:, None] >> np.arange(4) & 1  # neighbour k is bit k
held = {node: patterns[:, node - 1].astype(bool) for node in range(1, 5)}
schedule = fab.Schedule(n_warmup=1, n_samples=updates)
samples = program.sample(
    schedule, clamp=held, replicas=16, seed=7, device="reference"
)
expected = samples.node_states[:, :, program.node_index[0]]

plan = plan_run(image, schedule, replicas=16, init=None, clamp=None, seed=7)
# Of site 0; lfsr32 has one word of state.
seeds = seed_words(generator(spec.rng), plan.keys)[:, 0, 0]
cases = [
    {
        "seed": int(seeds[k]),
        "neighbours": k,
        "expected": expected[k].astype(int).tolist(),
    }
    for k in range(len(patterns))
]

# %% [markdown]
# ## The bench
#
# The bench is a file of its own, because it runs inside the simulator. Its job says what to compare. It loads a seed, sets
# the neighbours, and compares after every clock.

# %% output="python"
print(Path("cell_bench.py").read_text())

# %% [markdown]
# ## Build and run
#
# `thermofab.sim.cosim` has what such runs have in common: it builds a design for Verilator or Icarus, tells a bench what to
# do, and raises `BenchFailed` with the first difference.

# %%
folder = tempfile.TemporaryDirectory()
simulation = build(
    "verilator", Design((source,), top="cells"), Path(folder.name)
)


def simulate(cell):
    """Runs the bench on a cell: the first difference from the reference, or ""."""
    job = CellJob(spec.to_json(), seed=7, cases=cases, cell=cell)
    try:
        simulation.run(Bench("cell_bench"), job)
    except BenchFailed as failure:
        return str(failure).splitlines()[0]
    return ""


yours, broken = simulate(0), simulate(1)
print(
    "your cell: ",
    yours or f"{expected.size:,} updates, every bit is the reference's",
)
print("with fault:", broken)

# %% [markdown]
# ## Is the reference right?
#
# Equal bits only prove that cell and reference agree. The reference itself is held to its distribution: with the
# neighbours fixed, the probability of a 1 follows exactly from the integers, and P(1) = σ(2(b + Σ J s)) from the model.

# %%
field = image.biases[0] + (2 * patterns - 1) @ image.weights
probability = flip_probability(spec, image.tables[0], image.shift, field)
counted = expected.mean(axis=1)
error = np.sqrt(probability * (1 - probability) / updates)

# %% picture="Left: the cell's share of ones against its field follows the exact probability. Right: the first 60 bits of one run."
figure, (left, right) = plt.subplots(1, 2, width_ratios=[3, 2])
every_field = np.arange(-260, 261)
curve = flip_probability(spec, image.tables[0], image.shift, every_field)
left.plot(every_field, curve, color="C1", label="from the integers, exact")
left.errorbar(
    field,
    counted,
    2 * error,
    fmt="o",
    color="C0",
    markersize=5,
    label="bits of the cell, two standard errors",
)
left.set(
    title="16 patterns of the neighbours",
    xlabel="field, an integer",
    ylabel="share of ones",
)
left.legend(loc="upper left")
right.step(range(60), expected[4, :60], where="post", color="C0", label="cell")
right.set(
    title="State, neighbours 0100",
    xlabel="clock",
    yticks=[0, 1],
    ylim=(-0.2, 1.5),
    ylabel="state",
)
right.legend(loc="upper right")
plt.show()

# %% [markdown]
# ## Check

# %%
model = 1 / (
    1
    + np.exp(
        -2 * (-0.3 + (2 * patterns - 1) @ np.array([0.7, -0.4, 0.9, 0.25]))
    )
)
print(f"integers against the model: {np.abs(probability - model).max():.4f}")

assert yours == "", "every bit of the cell is the reference's"
assert broken != "", "the planted fault is noticed"
assert np.abs(counted - probability).max() < 5 * error.max()
assert np.abs(probability - model).max() < 0.01

# %% [markdown]
# ## Where next
#
# - [Your own cell or fabric in lock step](../extending.md#your-own-cell-or-fabric-in-lock-step): a cell inside a whole
#   fabric, with one call.
# - [Verification](../verification.md): proofs, coverage and mutations of the fabrics' own gateware.
# - [The arithmetic contract](../contract.md): what "every bit" means, in words.
# - `thermofab rtl --fabric g4-8x8-torus --example tsu`: a whole fabric with a cocotb test that runs by itself
#   ([a fabric in your project](../verilog.md)).
# - [Extending](../extending.md#a-generator): a generator of your own, with the same tests.
