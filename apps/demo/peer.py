"""THRML's own sampler on the demo's program, compiled once and run after that."""

from collections.abc import Hashable, Sequence
from typing import Any

import jax
import numpy as np
from thrml import Block, SamplingSchedule, sample_states

from thermofab.apps.demo.workload import Workload
from thermofab.hw.spec import Schedule


class Peer:
    """Chains of THRML's sampler; making one compiles it."""

    def __init__(self, work: Workload, schedule: Schedule, nodes: Sequence[Hashable], replicas: int, seed: int) -> None:
        key = jax.random.key(seed)
        blocks = work.program.gibbs_spec.free_blocks
        init = [
            jax.random.bernoulli(jax.random.fold_in(key, k), shape=(replicas, len(block.nodes)))
            for k, block in enumerate(blocks)
        ]
        clamp = [jax.numpy.asarray(values) for values in work.clamp]
        plan = SamplingSchedule(schedule.n_warmup, schedule.n_samples, schedule.steps_per_sample)
        chosen: Any = list(nodes)
        wanted = [Block(chosen)]

        @jax.jit
        @jax.vmap
        def chains(one_key, one_init):
            return sample_states(one_key, work.program, plan, one_init, clamp, wanted)[0]

        self._arguments = jax.random.split(key, replicas), init
        self._compiled = chains.lower(*self._arguments).compile()

    def states(self) -> np.ndarray:
        """bool ``[R, S, nodes]``."""
        return np.asarray(self._compiled(*self._arguments))
