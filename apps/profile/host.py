"""Energy functions that no fabric holds, sampled on the host: of real states by Metropolis moves, of ±1 states with
terms of three spins and more by Gibbs updates in Python."""

from collections.abc import Callable
from typing import Any

import numpy as np

from thermofab.apps.profile.measure import Contestant
from thermofab.apps.profile.method import Runner, Setting
from thermofab.apps.profile.quality import Quality
from thermofab.apps.trading.energy import sample_on_host
from thermofab.hw.spec import SpecError
from thermofab.hw.spec.mixing import effective_of, split_r_hat

Energy = Callable[[Any], Any]
_TUNED = 20  # moves between two changes of a chain's step during the warm-up
_WANTED = 0.3  # share of moves that a tuned step accepts
_LARGE = 1e8


def real_contestants(energy: Energy, start: np.ndarray) -> tuple[Contestant, ...]:
    """Metropolis sampling of exp(-energy) over real states: in NumPy, a call of ``energy`` a move and chain, and in
    JAX, jitted, where ``energy`` can be traced."""
    said = "random-walk Metropolis of all coordinates together, steps tuned while warming up"
    return (
        Contestant("numpy", f"{said}; energy_fn is called once a move and chain", _numpy_metropolis(energy, start)),
        Contestant("jax-gibbs", f"{said}; jitted", _jax_metropolis(energy, start), scales=False),
    )


def spin_contestants(energy: Energy, nodes: int) -> tuple[Contestant, ...]:
    """Gibbs updates of ±1 states with two calls of ``energy`` each."""

    def prepare(setting: Setting) -> Runner:
        skipped = -(-setting.warmup // setting.steps)

        def run(seed: int) -> np.ndarray:
            chains = [
                sample_on_host(
                    energy, nodes, skipped + setting.samples, sweeps=setting.steps, seed=seed * setting.chains + k
                )
                for k in range(setting.chains)
            ]
            return np.array(chains, dtype=np.float64)[:, skipped:]

        return run

    return (Contestant("numpy", "Gibbs updates in Python on the host, two calls of energy_fn each", prepare),)


def host_quality(states: np.ndarray) -> Quality:
    """Of real or ±1 states ``[chains, samples, n]``: effective samples of the coordinates and their squares."""
    chains, samples, _ = states.shape
    # A chain that stands still is worth nothing, and so are means of what does not vary.
    values = np.concatenate([states, states**2], axis=2)
    moving = values.std(axis=(0, 1)) > 0
    if not np.any(moving):
        return Quality(0.0, 1.0)
    values = values[..., moving] / values[..., moving].std(axis=(0, 1))
    effective = min(chains * effective_of([values]), float(chains * samples))
    return Quality(effective, split_r_hat(values))


def _checked(states: np.ndarray) -> np.ndarray:
    if not np.all(np.isfinite(states)) or np.abs(states).max() > _LARGE:
        raise SpecError(
            "the chains ran off beyond 1e8: exp(-energy) of this function does not seem to have a finite sum over the "
            "real numbers; bound the states in it, or give an initial state of -1 and +1 for spins."
        )
    return states


def _numpy_metropolis(energy: Energy, start: np.ndarray) -> Callable[[Setting], Runner]:
    def of(states: np.ndarray) -> np.ndarray:
        return np.array([float(energy(state)) for state in states])

    def prepare(setting: Setting) -> Runner:
        def run(seed: int) -> np.ndarray:
            rng, chains = np.random.default_rng(seed), setting.chains
            x, step = np.tile(start, (chains, 1)), np.full(chains, 1.0)
            now, taken, accepted = of(x), [], np.zeros(chains)
            for move in range(setting.warmup + (setting.samples - 1) * setting.steps + 1):
                done = move - setting.warmup
                if done >= 0 and done % setting.steps == 0:
                    taken.append(x.copy())
                offered = x + step[:, None] * rng.standard_normal(x.shape)
                then = of(offered)
                took = np.log(rng.random(chains)) < now - then
                x, now = np.where(took[:, None], offered, x), np.where(took, then, now)
                if done < 0:
                    accepted += took
                    if (move + 1) % _TUNED == 0:
                        step, accepted = step * np.exp(2 * (accepted / _TUNED - _WANTED)), np.zeros(chains)
            return _checked(np.array(taken).transpose(1, 0, 2))

        return run

    return prepare


def _jax_metropolis(energy: Energy, start: np.ndarray) -> Callable[[Setting], Runner]:
    def prepare(setting: Setting) -> Runner:
        import jax
        import jax.numpy as jnp

        def move(x, now, step, key):
            walk, coin = jax.random.split(key)
            offered = x + step * jax.random.normal(walk, x.shape)
            then = jnp.asarray(energy(offered), jnp.float32)
            took = jnp.log(jax.random.uniform(coin)) < now - then
            return jnp.where(took, offered, x), jnp.where(took, then, now), took

        def chain(key):
            warm, rest = jax.random.split(key)
            x = jnp.asarray(start, jnp.float32)

            def tune(carry, key):
                x, now, step = carry

                def one(carry, key):
                    x, now, took = move(carry[0], carry[1], step, key)
                    return (x, now), took

                (x, now), took = jax.lax.scan(one, (x, now), jax.random.split(key, _TUNED))
                return (x, now, step * jnp.exp(2 * (took.mean() - _WANTED))), None

            begun = (x, jnp.asarray(energy(x), jnp.float32), jnp.float32(1.0))
            rounds = -(-setting.warmup // _TUNED)
            (x, now, step), _ = jax.lax.scan(tune, begun, jax.random.split(warm, rounds)) if rounds else (begun, None)

            def sample(carry, key):
                x, now = carry
                found = jax.lax.fori_loop(
                    0, setting.steps, lambda k, c: move(c[0], c[1], step, jax.random.fold_in(key, k))[:2], (x, now)
                )
                return found, x

            return jax.lax.scan(sample, (x, now), jax.random.split(rest, setting.samples))[1]

        chains = jax.jit(lambda key: jax.vmap(chain)(jax.random.split(key, setting.chains)))
        try:
            compiled = chains.lower(jax.random.key(0)).compile()
        except Exception as untraceable:  # whatever a user's function raises under tracing
            raise SpecError(
                f"energy_fn cannot be traced by JAX ({type(untraceable).__name__}); write it in jax.numpy and return "
                "the scalar itself, without float()."
            ) from untraceable
        return lambda seed: _checked(np.asarray(compiled(jax.random.key(seed)), dtype=np.float64))

    return prepare
