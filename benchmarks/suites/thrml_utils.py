"""Helpers that THRML's tests import and its source distribution lacks: enumerated states, counts, a comparison."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from thrml import Block, SpinNode, sample_states


def generate_all_states_binary(num_binary: int) -> Any:
    """bool ``[2^n, n]``, the last variable fastest."""
    return jnp.asarray(_states([2] * num_binary), dtype=bool)


def count_samples(all_bin: Any, all_cat: Any, samples_bin: Any, samples_cat: Any) -> Any:
    """The share of samples in every listed state: float64 ``[states]``."""
    listed = np.concatenate([np.asarray(all_bin, np.int64), np.asarray(all_cat, np.int64)], axis=1)
    seen = np.concatenate([np.asarray(samples_bin, np.int64), np.asarray(samples_cat, np.int64)], axis=1)
    base = max(2, 1 + max(listed.max(initial=0), seen.max(initial=0))) ** np.arange(listed.shape[1])
    codes, counts = np.unique(seen @ base, return_counts=True)
    share = dict(zip(codes.tolist(), (counts / len(seen)).tolist()))
    return np.array([share.get(code, 0.0) for code in (listed @ base).tolist()])


def sample_and_compare_distribution(
    key: Any, ebm: Any, program: Any, clamp_vals: list[Any], schedule: Any, n_cats: int
) -> tuple[Any, Any]:
    """Shares of the free nodes' states in one chain's samples, and their Boltzmann probabilities."""
    spec = program.gibbs_spec
    free = [node for block in spec.free_blocks for node in block]
    kinds = [[node for node in free if isinstance(node, SpinNode) is spins] for spins in (True, False)]
    blocks = [Block(nodes) for nodes in kinds if nodes]
    init = [jnp.zeros(len(block), spec.node_shape_struct[block.node_type].dtype) for block in spec.free_blocks]
    found = sample_states(key, program, schedule, init, clamp_vals, blocks)
    states = _states([2] * len(kinds[0]) + [n_cats] * len(kinds[1]))
    cut = len(kinds[0])
    parts = [part for part in (states[:, :cut], states[:, cut:]) if part.shape[1]]
    held = [jnp.asarray(values).astype(jnp.int32) for values in clamp_vals]
    energy = jax.vmap(lambda state: ebm.energy([*state, *held], [*blocks, *spec.clamped_blocks]))
    weights = jnp.exp(-energy([jnp.asarray(part, jnp.int32) for part in parts]))
    empty = np.zeros((schedule.n_samples, 0))
    drawn = [found.pop(0) if nodes else empty for nodes in kinds]
    return count_samples(states[:, :cut], states[:, cut:], *drawn), weights / weights.sum()


def _states(sizes: list[int]) -> np.ndarray:
    return np.indices(sizes).reshape(len(sizes), -1).T if sizes else np.zeros((1, 0), dtype=np.int64)
