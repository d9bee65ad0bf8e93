"""A device's run as a function of JAX arrays."""

import jax
import jax.numpy as jnp
import numpy as np

from thermofab.hw.spec import Image, Schedule
from thermofab.hw.spec.traced import TracedRun
from thermofab.sim.functional.pure import PureSampler


def traced_run(
    sampler: PureSampler, image: Image, schedule: Schedule, clamped: np.ndarray, sites: np.ndarray
) -> TracedRun:
    """See :class:`thermofab.hw.spec.traced.TracingDevice`."""
    integers = sampler.image(image)._replace(clamped=jnp.asarray(clamped, jnp.uint8))
    phases = jnp.array(schedule.phases, jnp.int32).reshape(-1, 2)

    def replicas(seeds: jax.Array, values: jax.Array, *init: jax.Array) -> jax.Array:
        """Samples bool ``[R, S, k]`` of seeds ``[R, 2]``, values and starts ``[R, N]``."""
        state = sampler.seeded(seeds, *init)
        started = jnp.where(jnp.asarray(clamped), values.astype(jnp.uint8), state.states)
        state = sampler.advance(integers, state._replace(states=started), phases)
        return sampler.samples(integers, state, schedule.n_samples, schedule.steps_per_sample, schedule.level, sites)[1]

    run = jax.custom_batching.custom_vmap(replicas)

    @run.def_vmap
    def batched(size: int, mapped: list[bool], *arrays: jax.Array) -> tuple[jax.Array, bool]:
        whole = [a if own else jnp.broadcast_to(a, (size, *a.shape)) for a, own in zip(arrays, mapped)]
        samples = run(*(array.reshape(-1, array.shape[-1]) for array in whole))
        return samples.reshape(size, -1, *samples.shape[1:]), True

    def chain(seed: jax.Array, values: jax.Array, init: jax.Array | None) -> jax.Array:
        given = (seed, values) if init is None else (seed, values, init)
        return run(*(array[None] for array in given))[0]

    return chain
