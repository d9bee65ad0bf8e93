"""THRML on the same graph: jitted, chains by vmap, as its own documentation does it."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from thrml import Block, SamplingSchedule, SpinNode, sample_states
from thrml.block_sampling import SuperBlock
from thrml.models import IsingEBM, IsingSamplingProgram
from thrml.pgm import AbstractNode

from thermofab.hw.spec import Image


def thrml_runner(image: Image, step: float, chains: int, sweeps: int) -> Callable[[], None]:
    """A call that runs ``chains`` chains of ``sweeps`` sweeps of the image's model and waits for the last state.

    One block a colour; a single chain runs without vmap. The compiled function is made once and reused.
    """
    topology = image.fabric.topology
    nodes: list[AbstractNode] = [SpinNode() for _ in range(topology.n_sites)]
    ebm = IsingEBM(
        nodes,
        [(nodes[i], nodes[j]) for i, j in topology.edges.tolist()],
        jnp.asarray(image.biases * step),
        jnp.asarray(image.weights * step),
        jnp.array(1.0),
    )
    blocks: list[SuperBlock] = [Block([nodes[i] for i in sites]) for sites in topology.colour_classes]
    program = IsingSamplingProgram(ebm, blocks, [])
    schedule = SamplingSchedule(n_warmup=sweeps, n_samples=1, steps_per_sample=1)

    def chain(key, init):
        return sample_states(key, program, schedule, init, [], [Block(nodes)])[0]

    rng = np.random.default_rng(0)
    key = jax.random.key(0)
    if chains == 1:
        run = jax.jit(chain)
        init = [jnp.asarray(rng.random(len(b)) < 0.5) for b in topology.colour_classes]
        keys = key
    else:
        run = jax.jit(jax.vmap(chain))
        init = [jnp.asarray(rng.random((chains, len(b))) < 0.5) for b in topology.colour_classes]
        keys = jax.random.split(key, chains)
    return lambda: jax.block_until_ready(run(keys, init))
