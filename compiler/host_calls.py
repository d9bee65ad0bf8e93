"""Host functions over a batch of chains, called from code that JAX traces: under ``jit``, ``vmap`` and ``scan``."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

# Of arrays [B, ...], all with one batch axis, to arrays [B, ...].
HostFunction = Callable[..., Sequence[np.ndarray]]


def is_traced(*values: Any) -> bool:
    """Whether JAX is tracing any array in these pytrees."""
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(values))


def call_on_host(
    function: HostFunction, results: Sequence[jax.ShapeDtypeStruct], arrays: Sequence[Any]
) -> list[jax.Array]:
    """``function`` for one chain, as a callback that JAX batches.

    Under ``vmap``, nested ones too, the function is called once for all chains: its arguments then have a batch axis of
    B in place of the axes that were mapped over, and those that are the same for all chains are repeated, without a
    copy. Outside ``vmap`` B is 1. Results are constants to ``grad``, as those of a sampler of discrete states are.

    Args:
        function: of arrays ``[B, *shape]`` in the order of ``arrays``, to arrays ``[B, *shape]`` in the order of
            ``results``.
        results: shape and dtype for one chain.
        arrays: for one chain.
    """
    given = [jax.lax.stop_gradient(jnp.asarray(array)) for array in arrays]
    ranks = [array.ndim for array in given]

    def called(*batched: Any) -> tuple[np.ndarray, ...]:
        values = [np.asarray(array) for array in batched]
        axes = [array.shape[: array.ndim - rank] for array, rank in zip(values, ranks)]
        batch = np.broadcast_shapes(*axes)
        count = int(np.prod(batch, dtype=np.int64))
        flat = []
        for array, own in zip(values, axes):
            if int(np.prod(own, dtype=np.int64)) == 1:
                one = array.reshape(array.shape[len(own) :])
                flat.append(np.broadcast_to(one, (count, *one.shape)))
            else:
                shape = array.shape[len(own) :]
                flat.append(np.broadcast_to(array, (*batch, *shape)).reshape(count, *shape))
        out = function(*flat)
        return tuple(
            np.asarray(array, dtype=result.dtype).reshape(*batch, *result.shape)
            for array, result in zip(out, results, strict=True)
        )

    return list(jax.pure_callback(called, tuple(results), *given, vmap_method="expand_dims"))
