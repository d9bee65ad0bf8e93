# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # A Boltzmann machine trained on RTL
#
# A Boltzmann machine learns from samples of itself, so a chip that samples is a chip that trains. In this tutorial the
# samples of every training step come from the Verilog of a fabric, compiled to native code. No board is needed, and the
# bits are those that a board would give.
#
# The data are bars and stripes: 2 × 3 pixels where either whole rows or whole columns are lit.

# %%
import matplotlib.pyplot as plt
import numpy as np

import thermofab as fab
from thermofab.models.boltzmann import (
    BoltzmannMachine,
    Enumerated,
    FabricSampler,
    Training,
    advance,
    fit,
    kl_divergence,
    restricted,
    start,
)

plt.style.use("tutorial.mplstyle")

rows, columns = 2, 3
stripes = {tuple(np.repeat(on, columns)) for on in np.ndindex(*[2] * rows)}
bars = {tuple(np.tile(on, rows)) for on in np.ndindex(*[2] * columns)}
patterns = np.array(sorted(stripes | bars)).astype(
    bool
)  # bool [patterns, pixels]
data = np.tile(patterns, (10, 1))
print(len(patterns), "of", 2 ** (rows * columns), "images are bars or stripes")

# %% [markdown]
# ## The machine and its fabric
#
# Six visible units, four hidden ones, and an edge between each visible and each hidden unit. The fabric has that graph.
# The program is compiled once; training only changes the integers it holds.

# %%
machine = BoltzmannMachine.random(
    restricted(rows * columns, 4), scale=0.1, seed=1, data=data
)
spec = fab.fabric(machine.connections.topology(), weight_bits=8)
program = fab.compile(
    machine.ising(), spec, keep_zero=True
)  # keeps edges that are 0 now and may not be later
verilog = fab.emit_verilog(spec, name="machine")
print(
    f"{spec.n_sites} p-bits, {spec.topology.n_edges} couplings, "
    f"{len(verilog.splitlines())} lines of Verilog"
)

# %% [markdown]
# The device `"rtl-cxxrtl"` compiles that Verilog's netlist with Yosys and g++ and drives its register bus as a host does:
# weights are loaded, sweeps are run, sample words are read out. `"rtl"` does the same with Verilator, which compiles for
# longer and runs faster. The first use builds, and the build is kept.

# %%
rtl = fab.open_device("rtl-cxxrtl", spec)
print(rtl.info().description)

# %% [markdown]
# ## Training
#
# The method is persistent contrastive divergence: 30 chains go on from step to step. Each step compares the products of
# units on data with those in the chains, and moves the couplings. The machine is small enough to enumerate, so you can
# follow the true divergence from the data while it learns. `held` is the machine that the fabric's integers stand for.

# %%
config = Training(
    method="pcd",
    steps=150,
    batch=0,
    replicas=30,
    sweeps=6,
    optimiser="adam",
    learning_rate=0.05,
    final_learning_rate=0.006,
)
sampler = FabricSampler(program, device=rtl)
numbers = patterns @ (
    1 << np.arange(rows * columns)[::-1]
)  # the first pixel is the highest bit
truth = np.zeros(2 ** (rows * columns))
truth[numbers] = 1 / len(patterns)


def divergence(state):
    """KL(data ‖ machine on the fabric), in nats."""
    return kl_divergence(
        truth, Enumerated.of(sampler.held(state.machine)).visible_distribution()
    )


state = start(machine, config)
followed = {0: divergence(state)}
for step in range(1, config.steps + 1):
    state = advance(state, config, data, sampler)
    if step % 10 == 0:
        followed[step] = divergence(state)
print(
    f"KL divergence: {followed[0]:.2f} nats before, "
    f"{followed[config.steps]:.2f} after"
)

# %% [markdown]
# ## What it dreams
#
# The trained machine runs on the RTL, and its samples are counted.

# %%
dreams = sampler.sample(
    state.machine, fab.Schedule(50, 40, 10), replicas=30, seed=5
)[..., : rows * columns]
counted = np.bincount(
    (dreams @ (1 << np.arange(rows * columns)[::-1])).ravel(),
    minlength=len(truth),
)
sampled = counted / counted.sum()
enumerated = Enumerated.of(sampler.held(state.machine)).visible_distribution()

# %% picture="Left: the divergence from the data falls in training. Right: samples of the RTL and enumerated probabilities of each image."
figure, (left, right) = plt.subplots(1, 2, width_ratios=[2, 3])
left.plot(
    list(followed), list(followed.values()), "o-", color="C0", markersize=4
)
left.set(
    title="Training on RTL",
    xlabel="update",
    ylabel="KL divergence, nats",
    ylim=(0, None),
)
right.set_xticks(range(0, 20, 5))
order = np.argsort(-enumerated, kind="stable")[:20]
is_pattern = np.isin(order, numbers)
colours = np.where(is_pattern, "#fbbf24", "#64748b")
right.bar(range(20), sampled[order], color=colours)
right.plot(
    range(20),
    enumerated[order],
    "_",
    color="#f1f5f9",
    markersize=11,
    markeredgewidth=2,
    label="enumerated",
)
right.bar(0, 0, color="#fbbf24", label="sampled: bars and stripes")
right.bar(0, 0, color="#64748b", label="sampled: other images")
right.set(
    title="The 20 most probable images",
    xlabel="image, by probability",
    ylabel="probability",
)
right.legend()
plt.show()

# %% [markdown]
# ## Check
#
# Every device has the same bits. So the same training on the C++ simulator ends with the same parameters, to the last
# bit, and you may train where it is fast and build what you trained.

# %%
again = fit(machine, config, data, FabricSampler(program, device="native"))
share = sampled[numbers].sum()
print(
    f"{share:.0%} of the samples are bars or stripes; "
    f"by chance {len(patterns) / len(truth):.0%}"
)

assert np.array_equal(state.machine.couplings, again.machine.couplings)
assert np.array_equal(state.machine.biases, again.machine.biases)
assert followed[config.steps] < 0.35 < followed[0]
assert (
    np.abs(sampled - enumerated).sum() / 2 < 0.15
)  # 1,200 samples of 64 states

# %% [markdown]
# ## Where next
#
# - [Boltzmann machines](../models.md): other graphs, methods and likelihoods, and measured results on digits.
# - [PyTorch](../pytorch.md): the same as a layer of a torch model.
# - [Simulators](../simulators.md): which device is fast for what.
# - [Bringing up a board](09_board.py): the same program over a serial line.
