"""Gibbs sampling by colour in plain JAX: one jitted function, compiled ahead."""

import jax
import jax.numpy as jnp
import numpy as np

from thermofab.apps.profile.method import Runner, Setting
from thermofab.apps.profile.problem import Problem


def prepare(problem: Problem, setting: Setting) -> Runner:
    """Spins by fields, categories by Gumbel noise on their logits; float32, JAX's default generator."""
    pairs, n = problem.pairs, len(problem.sizes)
    sizes = jnp.asarray(problem.sizes)[:, None]
    if problem.spins:
        bias, weights = (jnp.asarray(part, jnp.float32) for part in problem.fields)

        def drawn(key, x, c):
            s = jnp.where(x, 1.0, -1.0)
            field = 2 * (bias[c][:, None] + (weights[c][:, :, None] * s[pairs.neighbours[c]]).sum(axis=1))
            return jax.random.bernoulli(key, jax.nn.sigmoid(field)).astype(jnp.uint8)

    else:
        unary, tables = jnp.asarray(pairs.unary, jnp.float32), jnp.asarray(pairs.tables, jnp.float32)
        slots = jnp.arange(tables.shape[1])[None, :, None]

        def drawn(key, x, c):
            logits = tables[c[:, None, None], slots, :, x[pairs.neighbours[c]]].sum(axis=1) + unary[c][:, None]
            return jax.random.categorical(key, logits).astype(jnp.uint8)

    def sweep(key, x):
        for k, c in enumerate(pairs.colours):
            x = x.at[c].set(drawn(jax.random.fold_in(key, k), x, c))
        return x

    def sweeps(key, x, count):
        return jax.lax.fori_loop(0, count, lambda k, x: sweep(jax.random.fold_in(key, k), x), x)

    @jax.jit
    def chain(key):
        first, warm, rest = jax.random.split(key, 3)
        x = jax.random.randint(first, (n, setting.chains), 0, sizes).astype(jnp.uint8)
        x = sweeps(warm, x, setting.warmup)

        def step(x, key):
            x = sweeps(key, x, setting.steps)
            return x, x

        _, later = jax.lax.scan(step, x, jax.random.split(rest, setting.samples - 1))
        return jnp.concatenate([x[None], later]).transpose(2, 0, 1)

    compiled = chain.lower(jax.random.key(0)).compile()
    return lambda seed: np.asarray(compiled(jax.random.key(seed)))
