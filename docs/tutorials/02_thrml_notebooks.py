# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # THRML's three notebooks on a fabric
#
# [THRML](https://github.com/extropic-ai/thrml) explains itself in three notebooks: 00 samples a Potts model, 01 builds
# a model with continuous variables from custom parts, and 02 trains an Ising model. This tutorial makes the same kinds of
# calls, on smaller models, with the functions imported from `thermofab`. Two of the three need no other change. The
# continuous one is refused, and you see why and what to do instead.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import networkx
import numpy as np
import thrml
from thrml import (
    Block,
    BlockGibbsSpec,
    CategoricalNode,
    FactorSamplingProgram,
    SamplingSchedule,
    SpinNode,
)
from thrml.models import (
    CategoricalEBMFactor,
    CategoricalGibbsConditional,
    IsingEBM,
    IsingTrainingSpec,
    hinton_init,
)

import thermofab as fab

plt.style.use("tutorial.mplstyle")

# %% [markdown]
# ## Notebook 00: a Potts model
#
# Nodes of three states sit on a grid, and equal neighbours attract. Everything in this cell is THRML's own.

# %%
side, states, chains = 8, 3, 100
grid = networkx.grid_2d_graph(side, side)
potts = networkx.relabel_nodes(grid, {at: CategoricalNode() for at in grid})
nodes = list(potts)
halves = [Block(half) for half in networkx.bipartite.sets(potts)]
tails, heads = (Block(ends) for ends in zip(*potts.edges, strict=True))
attraction = CategoricalEBMFactor(
    [tails, heads], jnp.tile(0.9 * jnp.eye(states), (len(tails), 1, 1))
)
gibbs = BlockGibbsSpec(halves, [])
program = FactorSamplingProgram(
    gibbs, [CategoricalGibbsConditional(states)] * 2, [attraction], []
)

schedule = SamplingSchedule(n_warmup=0, n_samples=25, steps_per_sample=1)
keys = jax.random.split(jax.random.key(0), chains)
rng = np.random.default_rng(0)
start = [
    jnp.array(rng.integers(states, size=(chains, len(half))), jnp.uint8)
    for half in halves
]


def agreement(sample_states):
    """The share of equal neighbours, per sweep, and the first chain's last state,
    by either library's function.
    """
    batched = jax.jit(
        jax.vmap(
            lambda i, k: sample_states(
                k, program, schedule, i, [], [tails, heads, Block(nodes)]
            )
        )
    )
    ends, others, all_nodes = batched(start, keys)
    return (ends == others).mean(axis=(0, 2)), all_nodes[0, -1]


# %% [markdown]
# The idiom is a chain per key, by `vmap` in `jit`. `fab.sample_states` takes THRML's arguments. The 100 chains become
# one run of 100 replicas on the fabric.

# %%
theirs, _ = agreement(thrml.sample_states)
ours, picture = agreement(fab.sample_states)

# %% picture="Left: neighbours come to agree equally fast in THRML and on the fabric. Right: a state of the Potts model."
figure, (left, right) = plt.subplots(1, 2, width_ratios=[2, 1])
sweeps = np.arange(schedule.n_samples)
left.plot(sweeps, theirs, color="C1", label="thrml.sample_states")
left.plot(
    sweeps, ours, "o", color="C0", markersize=4, label="fab.sample_states"
)
left.axhline(1 / states, color="#94a3b8", linestyle=":", label="by chance")
left.set(
    title="Equal neighbours, mean of 100 chains",
    xlabel="sweep",
    ylabel="share of edges",
)
left.legend()
right.imshow(np.asarray(picture).reshape(side, side), cmap="viridis")
right.set(
    title="One chain after 24 sweeps",
    xticks=[],
    yticks=[],
    xlabel="column",
    ylabel="row",
)
right.grid(False)
plt.show()

# %% [markdown]
# The curves agree but are not equal: random numbers differ, and one sweep on the fabric is not one sweep in THRML. A
# node of three states is held by several p-bits here, which are updated one after the other.
#
# ## Notebook 01: continuous variables
#
# THRML lets you write your own node and sampler, so that a block may hold real numbers. A site of a fabric has one bit.
# Here is a Gaussian variable as a THRML program, as small as possible:

# %%
from thrml import AbstractNode, BlockSamplingProgram, InteractionGroup
from thrml.conditional_samplers import AbstractConditionalSampler


class RealNode(AbstractNode):
    pass


class NormalSampler(AbstractConditionalSampler):
    """Draws from a normal distribution of variance 1 and mean
    -Σ interaction · neighbour.
    """

    def init(self):
        return None

    def sample(
        self, key, interactions, active_flags, states, sampler_state, output_sd
    ):
        mean = jnp.zeros(output_sd.shape)
        for weights, active, (neighbours,) in zip(
            interactions, active_flags, states, strict=True
        ):
            mean -= jnp.sum(weights * active * neighbours, axis=-1)
        return mean + jax.random.normal(key, output_sd.shape), sampler_state


a, b = [RealNode() for _ in range(2)], [RealNode() for _ in range(2)]
real = BlockGibbsSpec(
    [Block(a), Block(b)], [], {RealNode: jax.ShapeDtypeStruct((), jnp.float32)}
)
coupling = jnp.array([0.5, -0.3])
groups = [
    InteractionGroup(coupling, Block(x), [Block(y)])
    for x, y in ((a, b), (b, a))
]
gaussian = BlockSamplingProgram(
    real, [NormalSampler(), NormalSampler()], groups
)
arguments = (
    gaussian,
    SamplingSchedule(50, 4000, 2),
    [jnp.zeros(2), jnp.zeros(2)],
    [],
    [Block(a), Block(b)],
)

drawn_a, drawn_b = thrml.sample_states(jax.random.key(1), *arguments)
print(
    "THRML: E[a b] =",
    (drawn_a * drawn_b).mean(axis=0),
    "exact:",
    -coupling / (1 - coupling**2),
)
try:
    fab.sample_states(jax.random.key(1), *arguments)
except fab.CompileError as refusal:
    print("on a fabric:", refusal)

# %% [markdown]
# That part of notebook 01 has no place on a fabric of bits. Its second half does: spins *and* continuous variables with
# an energy that is quadratic in the latter. Integrated over x, the spins are an Ising model again, with couplings that x
# has created between them. The fabric samples these spins, and the host draws x given them. No step is an approximation
# apart from the rounding that every program has ([continuous variables](../continuous.md)).

# %%
spins = fab.IsingModel(
    "abc",
    biases=[0.2, -0.1, 0.3],
    edges=[[0, 1], [1, 2]],
    couplings=[0.4, -0.3],
)
mixed = fab.GaussianSpinModel(
    spins,
    precision=np.array([[1.5, 0.4], [0.4, 0.8]]),
    coupling=np.array([[0.6, 0.0, -0.5], [0.3, 0.2, 0.7]]),
    linear=np.array([0.2, -0.4]),
)
run = fab.compile(mixed).sample(
    fab.Schedule(100, 500, 2), replicas=64, seed=1, device="native"
)
x = mixed.continuous(run.node_states, seed=2)

marginal = fab.exact(mixed)  # of the spins
mean_given_spins = np.linalg.solve(
    mixed.precision,
    mixed.linear[:, None] + mixed.coupling @ (2 * marginal.states - 1).T,
)
exact_mean = mean_given_spins @ marginal.probabilities
print(
    "couplings that x created:",
    mixed.created,
    " E[x]:",
    x.mean((0, 1)),
    " exact:",
    exact_mean,
)

# %% [markdown]
# ## Notebook 02: training an Ising model
#
# THRML trains with gradients of the KL divergence, each the difference between moments with data clamped and moments
# without. `fab.estimate_kl_grad` takes the same arguments as THRML's. Three of five spins on a ring are data.

# %%
ring = [SpinNode() for _ in range(5)]
edges = list(zip(ring, ring[1:] + ring[:1], strict=True))
rng = np.random.default_rng(1)
model = IsingEBM(
    ring,
    edges,
    jnp.array(rng.normal(0, 0.3, 5)),
    jnp.array(rng.normal(0, 0.5, 5)),
    jnp.array(1.0),
)
data_nodes, hidden = (
    [ring[0], ring[2], ring[3]],
    [Block([ring[1]]), Block([ring[4]])],
)
blocks = [
    Block([ring[0], ring[2]]),
    Block([ring[1], ring[3]]),
    Block([ring[4]]),
]
data = jnp.array(rng.random((40, 3)) < 0.7)
sweeps_each = SamplingSchedule(10, 20, 2)
training = IsingTrainingSpec(
    model, [Block(data_nodes)], [], hidden, blocks, sweeps_each, sweeps_each
)
key = jax.random.key(3)
starts = (
    # Arrays [chains, rows of data, nodes].
    [jnp.zeros((50, len(data), 1), bool)] * len(hidden),
    hinton_init(key, model, blocks, (2000,)),
)
gradient, bias_gradient, *_ = fab.estimate_kl_grad(
    key, training, ring, edges, [data], [], *starts, device="native"
)

# %% [markdown]
# ## Check
#
# The gradients against enumeration: moments of the model, minus the mean of the moments with each row of data clamped.

# %%
free = fab.exact(model)
place = [free.nodes.index(node) for node in ring]
values = 2.0 * free.states[:, place] - 1
products = values[:, range(5)] * values[:, [1, 2, 3, 4, 0]]


def enumerated(rows):
    """E[s_i s_j] of the edges, averaged over rows of data; None is the free model."""
    means = []
    for row in rows:
        fits = (
            1.0
            if row is None
            else (values[:, [0, 2, 3]] == 2.0 * row - 1).all(axis=1)
        )
        weight = free.probabilities * fits
        means.append(weight @ products / weight.sum())
    return np.mean(means, axis=0)


expected = enumerated([None]) - enumerated(np.asarray(data))
print(
    "on the fabric:",
    np.round(gradient, 3),
    " enumerated:",
    np.round(expected, 3),
)

assert np.abs(np.asarray(theirs)[10:] - np.asarray(ours)[10:]).max() < 0.05
assert np.abs(x.mean((0, 1)) - exact_mean).max() < 0.05
assert np.abs(np.asarray(gradient) - expected).max() < 0.03

# %% [markdown]
# ## Where next
#
# - [A Boltzmann machine trained on RTL](03_boltzmann_on_rtl.py): a whole training loop.
# - [Under `jit` and `vmap`](../drop-ins.md#under-jit-vmap-and-scan): what becomes of keys, batches and traced weights.
# - [Extending](../extending.md#a-sampler-and-interactions-of-your-own): how THRML programs of your own classes compile.
