"""A call from code that JAX traces: a run inside XLA, or a callback to the host for all chains of a batch."""

import os
import sys
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from thermofab.compiler.drop_in.inside import states_inside
from thermofab.compiler.drop_in.keys import seeds_of
from thermofab.compiler.drop_in.sampling import Numbers, Ready, Sampling
from thermofab.compiler.frontend import lower
from thermofab.compiler.host_calls import call_on_host, is_traced
from thermofab.compiler.ir.lowered import Lowered
from thermofab.hw.spec.device import Device
from thermofab.hw.spec.errors import DeviceError
from thermofab.hw.spec.model import IsingModel

XLA_ALONE = "jax-xla"  # the device that computes on JAX's own threads


def traced_states(sampling: Sampling, words: Any, init: list[Any] | None, clamp: list[Any]) -> list[jax.Array]:
    """The states inside XLA, or as a callback from traced code; what can be compiled while tracing is, so that errors
    come then.
    """
    leaves, tree = jax.tree.flatten(sampling.program)
    moving = [k for k, leaf in enumerate(leaves) if is_traced(leaf)]
    n_init = 0 if init is None else len(init)

    def prepared(program: Any) -> tuple[Lowered, Numbers, Ready]:
        lowered = lower(program)
        ready = lru_cache(maxsize=32)(lambda known: sampling.compiled(lowered, dict(known)))
        return lowered, sampling.numbers(lowered), ready

    fixed = None if moving else prepared(sampling.program)
    if fixed is not None and isinstance(fixed[0].model, IsingModel):
        inside = states_inside(sampling, fixed[2](()), fixed[1], words, init, clamp)
        if inside is not None:
            return inside
    _check_threads(sampling.device)

    def on_host(words: np.ndarray, *arrays: np.ndarray) -> list[np.ndarray]:
        weights, states = arrays[: len(moving)], arrays[len(moving) :]
        seeds = seeds_of(words).tolist()
        out: list[np.ndarray] = []
        for rows in _equal_rows(weights, len(words)):
            lowered, wanted, ready = fixed or prepared(
                jax.tree.unflatten(tree, _replaced(leaves, moving, [array[rows[0]] for array in weights]))
            )
            given = [array[rows] for array in states]
            start = None if init is None else given[:n_init]
            parts = sampling.run(lowered, wanted, ready, [seeds[row] for row in rows], start, given[n_init:])
            out = out or [np.zeros((len(words), *part.shape[1:]), dtype=part.dtype) for part in parts]
            for whole, part in zip(out, parts):
                whole[rows] = part
        return out

    count = sampling.schedule.n_samples
    results = [
        jax.ShapeDtypeStruct((count, len(block)), _dtype_of(sampling.program, block)) for block in sampling.wanted
    ]
    return call_on_host(on_host, results, [words, *(leaves[k] for k in moving), *(init or []), *clamp])


def _check_threads(device: Device | str) -> None:
    """A callback waits for its device while XLA waits for the callback: with one thread, for ever."""
    name = device if isinstance(device, str) else device.info().name
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    if name == XLA_ALONE and cores == 1:
        raise DeviceError(
            f"device '{XLA_ALONE}' cannot be called back from jit, vmap or scan by a process with one core: it needs "
            "the thread that waits for it. Take device='native', or call it outside jit."
        )


def _equal_rows(arrays: Sequence[np.ndarray], count: int) -> list[np.ndarray]:
    """Numbers of the rows in which all of these arrays ``[count, ...]`` are the same."""
    if all(array.strides[0] == 0 for array in arrays if len(array)):
        return [np.arange(count)]
    groups: dict[bytes, list[int]] = {}
    for row in range(count):
        groups.setdefault(b"".join(array[row].tobytes() for array in arrays), []).append(row)
    return [np.array(rows) for rows in groups.values()]


def _replaced(leaves: list[Any], places: list[int], values: list[np.ndarray]) -> list[Any]:
    whole = list(leaves)
    for place, value in zip(places, values):
        whole[place] = value
    return whole


def _dtype_of(program: Any, block: tuple[Hashable, ...]) -> Any:
    """What THRML holds the states of these nodes in."""
    return program.gibbs_spec.node_shape_struct[type(block[0])].dtype if block else jnp.bool_
