# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # From one p-bit to a sweep
#
# A p-bit is a bit that is random, with odds that you set. A fabric is many p-bits that set each other's odds. In this
# tutorial you look at one p-bit, at the integers that it is made of, and at the order in which many of them may be
# updated. At the end you compare a fabric with an enumeration of all its states.

# %%
import matplotlib.pyplot as plt
import networkx
import numpy as np

import thermofab as fab

plt.style.use("tutorial.mplstyle")

# %% [markdown]
# ## One p-bit
#
# A state is written as a spin, s = −1 or +1. A p-bit with bias b has the distribution P(s) ∝ exp(b s), so its mean is
# tanh(b). Here are 41 p-bits with biases from −3 to 3. They share no edge, so each one is alone.

# %%
biases = np.linspace(-3, 3, 41)
alone = networkx.Graph()
alone.add_nodes_from((k, {"bias": bias}) for k, bias in enumerate(biases))

program = fab.compile(alone)  # no fabric named: one of the model's own graph
samples = program.sample(
    fab.Schedule(n_warmup=0, n_samples=2000),
    replicas=16,
    seed=1,
    device="native",
)
means = samples.moments().first  # E[s] of every node, over 32,000 samples

# %% picture="The sampled mean of 41 p-bits lies on tanh of the bias."
figure, axes = plt.subplots()
axes.plot(biases, np.tanh(biases), color="C1", label="tanh(b)")
axes.plot(
    biases, means, "o", color="C0", markersize=4, label="sampled on the fabric"
)
axes.set(title="Mean of one p-bit", xlabel="bias b", ylabel="mean spin E[s]")
axes.legend()
plt.show()

# %% [markdown]
# ## The integers inside
#
# A fabric has no tanh and no real numbers. It holds an integer bias and a table of *thresholds*. In every update a p-bit
# draws a random word u of 16 bits and becomes 1 if the upper 12 bits of u are below a threshold. The lower 4 bits of u
# are added to the address of the table. This *dither* interpolates between the table's entries without a multiplier.

# %%
image, spec = program.image, program.fabric
word = 0xA5C3
site = 30
field = int(image.biases[site])  # no neighbours: the field is the bias alone
half = spec.table_size // 2
address = np.clip(
    (field + word % 2**image.shift) >> image.shift, -half, half - 1
)
threshold = int(image.tables[0][half + address])
print(
    f"bias {biases[site]:.2f} is held as the integer {field}; "
    f"table entry {address} is {threshold} of 4096"
)
print(
    f"the word {word:#06x} gives {word >> 4} < {threshold}: "
    f"the p-bit becomes {int((word >> 4) < threshold)}"
)

# %% [markdown]
# Averaged over all 65,536 words, that is an exact probability. `flip_probability` computes it from the integers, so you
# can see how far thresholds and rounding are from tanh before you sample anything.

# %%
from thermofab.hw.spec import flip_probability

held = (
    2 * flip_probability(spec, image.tables[0], image.shift, image.biases) - 1
)
print(
    "largest distance of the integers from tanh: "
    f"{np.abs(held - np.tanh(biases)).max():.4f}"
)

# %% [markdown]
# ## Many p-bits: who may be updated together?
#
# With couplings, P(s) ∝ exp(Σ b s + Σ J s s), and the field of a p-bit is b + Σ J s over its neighbours. Updating one
# p-bit at a time is Gibbs sampling and is correct. Updating all of them at once would be faster, but it is wrong. Take a
# ring of four spins that prefer to agree, and do both in floating point:

# %%
ring = networkx.cycle_graph(4)
networkx.set_edge_attributes(ring, 0.6, "weight")
adjacency = networkx.to_numpy_array(ring)
rng = np.random.default_rng(0)


def histogram(groups, chains=20_000, sweeps=30):
    """The distribution over the 16 states when the spins of a group are updated
    together, group by group.
    """
    spins = rng.choice([-1, 1], size=(chains, 4))
    for _ in range(sweeps):
        for group in groups:
            mean = np.tanh(spins @ adjacency[:, group])
            spins[:, group] = np.where(
                rng.random(mean.shape) < (1 + mean) / 2, 1, -1
            )
    numbers = (spins > 0) @ [8, 4, 2, 1]
    return np.bincount(numbers, minlength=16) / chains


together = histogram([[0, 1, 2, 3]])
by_colour = histogram([[0, 2], [1, 3]])  # no edge joins 0 and 2, or 1 and 3

# %% [markdown]
# A group without an inner edge is a *colour*. A *sweep* visits the colours in order. That is what a fabric does: the
# p-bits of a colour update in the same clock cycles, and no two coupled ones ever do.

# %%
on_fabric = fab.compile(ring).sample(
    fab.Schedule(50, 2000, 2), replicas=64, seed=0, device="native"
)
fabric_states = on_fabric.node_states.reshape(-1, 4) @ [8, 4, 2, 1]
sampled = np.bincount(fabric_states, minlength=16) / len(fabric_states)
exact = fab.exact(ring)  # enumerates all states

# %% picture="Probabilities of the 16 states of a ring: the fabric and colour by colour agree with the enumeration."
figure, axes = plt.subplots()
places = np.arange(16)
axes.bar(
    places, exact.probabilities, width=0.85, color="#475569", label="enumerated"
)
axes.plot(
    places - 0.2,
    by_colour,
    "o",
    color="C1",
    label="colour by colour, floating point",
)
axes.plot(
    places + 0.2,
    sampled,
    "D",
    color="C0",
    markersize=5,
    label="colour by colour, on the fabric",
)
axes.plot(
    places,
    together,
    "x",
    color="C3",
    markersize=7,
    markeredgewidth=2,
    label="all together: wrong",
)
axes.set_xticks(places, [f"{k:04b}" for k in places], rotation=60)
axes.set(
    title="A ring of four p-bits, J = 0.6",
    xlabel="state, a digit per p-bit",
    ylabel="probability",
)
axes.grid(axis="x")
axes.legend()
plt.show()

# %% [markdown]
# ## Check
#
# Distances are total variation: half the sum of the absolute differences. Rounding to integers costs less than 0.01
# here; updating all together costs far more.

# %%
distance = {
    name: np.abs(p - exact.probabilities).sum() / 2
    for name, p in {
        "fabric": sampled,
        "by colour": by_colour,
        "together": together,
    }.items()
}
print({name: round(float(value), 4) for name, value in distance.items()})

assert np.abs(means - np.tanh(biases)).max() < 0.04
assert distance["fabric"] < 0.02 and distance["by colour"] < 0.02
assert distance["together"] > 0.1

# %% [markdown]
# ## Where next
#
# - [THRML's notebooks on the fabric](02_thrml_notebooks.py): whole models in the calls that you may know.
# - [The arithmetic contract](../contract.md): every bit of an update, with a worked example.
# - [Thresholds](../thresholds.md): how many bits a threshold should have.
# - `thermofab view --fabric g8-16x16` shows sweeps as they happen ([watching a fabric](../view.md)).
