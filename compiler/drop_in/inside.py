"""A traced call that runs inside XLA, on devices that have their runs as functions of JAX arrays."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from thermofab.compiler.drop_in.sampling import Numbers, Sampling
from thermofab.hw.spec.arguments import Blocks
from thermofab.hw.spec.kept_devices import running_device
from thermofab.hw.spec.program import Program
from thermofab.hw.spec.traced import TracedRun, TracingDevice


def states_inside(
    sampling: Sampling, program: Program, wanted: Numbers, words: jax.Array, init: list[Any] | None, clamp: list[Any]
) -> list[jax.Array] | None:
    """The states of the requested blocks; ``None`` where they have to come from a callback.

    They have to where the device computes on the host; where nodes are read from several sites, or samples discarded;
    where keys are longer than two words; and where arrays are not of the blocks' shapes or not bool, which only a
    callback can check or name.
    """
    if program.readings is not None or program.checks or words.shape != (2,):
        return None
    if not _fit(clamp, program.clamped_blocks) or init is not None and not _fit(init, program.free_blocks):
        return None
    run = _run_of(sampling, program, wanted)
    if run is None:
        return None
    start = None if init is None else _on_sites(program, program.free_blocks, init)
    samples = run(words, _on_sites(program, program.clamped_blocks, clamp), start)
    return jnp.split(samples, np.cumsum([len(block) for block in wanted])[:-1], axis=1)


def _run_of(sampling: Sampling, program: Program, wanted: Numbers) -> TracedRun | None:
    sites = program.roots[np.concatenate([np.zeros(0, np.int64), *wanted])]
    clamped = program.codec.places(program.clamped_blocks) >= 0
    with running_device(sampling.device, program.fabric) as device:
        if not isinstance(device, TracingDevice):
            return None
        return device.traced(program.image, sampling.schedule, clamped, sites)


def _fit(arrays: Sequence[Any], blocks: Blocks) -> bool:
    """Whether the arrays are bool and of the shapes of the blocks."""
    shapes = [(jnp.shape(array), jnp.result_type(array)) for array in arrays]
    return shapes == [((len(block),), jnp.bool_) for block in blocks]


def _on_sites(program: Program, blocks: Blocks, arrays: Sequence[Any]) -> jax.Array:
    """States bool ``[N]``: those of nodes at all their copies, False elsewhere."""
    places = program.codec.places(blocks)
    values = jnp.concatenate([jnp.zeros(1, bool), *map(jnp.asarray, arrays)])
    return jax.lax.stop_gradient(values[places + 1])
