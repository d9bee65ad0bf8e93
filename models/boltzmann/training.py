r"""Training by contrastive divergence, persistent contrastive divergence, or exact gradients.

    state = start(machine, config)
    for _ in range(config.steps):
        state = advance(state, config, data, sampler)

- ``cd``: negative chains start at the batch and run ``sweeps`` sweeps (Hinton 2002);
- ``pcd``: ``replicas`` chains go on from where they were (Tieleman 2008);
- ``exact``: moments by enumeration, up to 20 nodes.

Negative samples come from the integers the fabric holds, and so do the hidden means of the positive phase: the
gradient is of the quantised machine, and is applied to the float master copy (straight through). ``exact`` does so
where it is given a sampler to hold the integers, and is plain float training without one.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from thermofab.hw.spec import Program, Schedule, SpecError, to_spins
from thermofab.models.boltzmann.enumeration import Enumerated
from thermofab.models.boltzmann.held import held_by
from thermofab.models.boltzmann.likelihood import hidden_means
from thermofab.models.boltzmann.machine import BoltzmannMachine, checked_data
from thermofab.models.boltzmann.sampler import FabricSampler
from thermofab.models.boltzmann.statistics import Statistics, gradient, statistics_of
from thermofab.models.seeds import batch_rows, derived

METHODS = ("cd", "pcd", "exact")
OPTIMISERS = ("sgd", "momentum", "adam")
_POSITIVE, _NEGATIVE, _HIDDEN, _CHAINS = range(4)


@dataclass(frozen=True)
class Training:
    """How to train; hashable, and JSON-ready by :func:`dataclasses.asdict`.

    Attributes:
        method: ``"cd"``, ``"pcd"`` or ``"exact"``.
        steps: updates over which the learning rate falls; training may stop before or go on after.
        batch: data vectors an update; 0 for all of them.
        replicas: negative chains (``pcd``).
        sweeps: Gibbs sweeps of the negative chains an update.
        samples: states of each negative chain that are averaged, a sweep apart.
        clamped_sweeps: sweeps of hidden nodes given a batch, where edges join them; as many samples are averaged as
            half of them.
        optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        learning_rate, final_learning_rate: the first and the last of a linear decay.
        momentum: of ``"momentum"``.
        weight_decay: added to the gradient, times the couplings.
        clip: largest |J| and |b| of the master copy, so that few values do not coarsen the step of all; ``None`` for
            no limit.
        seed: of batches, chains and runs.
    """

    method: str = "pcd"
    steps: int = 1000
    batch: int = 64
    replicas: int = 64
    sweeps: int = 1
    samples: int = 1
    clamped_sweeps: int = 10
    optimiser: str = "adam"
    learning_rate: float = 1e-2
    final_learning_rate: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 0.0
    clip: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in (("method", METHODS), ("optimiser", OPTIMISERS)):
            if getattr(self, name) not in known:
                raise SpecError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}.")
        for name, low in (("steps", 1), ("batch", 0), ("replicas", 1), ("sweeps", 1), ("samples", 1), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise SpecError(f"{name} must be an integer of at least {low}, got {value!r}.")
        if self.clamped_sweeps < 2:
            raise SpecError(f"clamped_sweeps must be at least 2, got {self.clamped_sweeps!r}.")
        if not (self.learning_rate > 0 and self.final_learning_rate >= 0):
            raise SpecError(
                f"learning rates must be positive, got {self.learning_rate!r} and {self.final_learning_rate!r}."
            )
        if self.clip is not None and self.clip <= 0:
            raise SpecError(f"clip must be positive, or None for no limit, got {self.clip!r}.")


@dataclass(frozen=True, eq=False)
class TrainState:
    """Everything that a run goes on from.

    Attributes:
        machine: the float master copy.
        optimiser: optax's state.
        chains: bool ``[R, n]`` of ``pcd``; ``[0, n]`` otherwise.
        step: updates done.
    """

    machine: BoltzmannMachine
    optimiser: Any
    chains: np.ndarray
    step: int


def start(machine: BoltzmannMachine, config: Training) -> TrainState:
    """The state before the first update; persistent chains start at fair coin flips of the seed."""
    rng = np.random.default_rng(derived(config.seed, _CHAINS))
    rows = config.replicas if config.method == "pcd" else 0
    chains = rng.random((rows, machine.connections.n_nodes)) < 0.5
    return TrainState(machine, blank_optimiser(machine, config), chains, 0)


def advance(state: TrainState, config: Training, data: np.ndarray, sampler: FabricSampler | None = None) -> TrainState:
    """One update on the next mini-batch of ``data`` bool ``[N, v]``."""
    machine, c = state.machine, state.machine.connections
    rows = checked_data(c, data)
    if config.batch:
        rows = rows[batch_rows(len(rows), config.batch, state.step, config.seed)]
    if config.method == "exact":
        distribution = Enumerated.of(machine if sampler is None else sampler.held(machine))
        model, wanted, chains = (
            Statistics(*distribution.moments()),
            Statistics(*distribution.moments(distribution.completed(rows))),
            state.chains,
        )
    else:
        if sampler is None:
            raise SpecError(f"method {config.method!r} samples; give advance(...) a FabricSampler.")
        program = sampler.holding(machine)
        wanted, full = _positive(state, config, rows, sampler, program)
        model, chains = _negative(state, config, full, sampler, program)
    updated, optimiser = compiled_update(config)(machine, state.optimiser, gradient(model, wanted, c))
    return TrainState(updated, optimiser, chains, state.step + 1)


def fit(
    machine: BoltzmannMachine, config: Training, data: np.ndarray, sampler: FabricSampler | None = None, progress=None
) -> TrainState:
    """``config.steps`` updates; ``progress(state)`` is called after each."""
    state = start(machine, config)
    while state.step < config.steps:
        state = advance(state, config, data, sampler)
        if progress is not None:
            progress(state)
    return state


def _positive(
    state: TrainState, config: Training, rows: np.ndarray, sampler: FabricSampler, program: Program
) -> tuple[Statistics, np.ndarray]:
    """Moments over the data and P(h | v), and full states bool ``[B, n]`` with hidden nodes drawn."""
    c = state.machine.connections
    full = np.zeros((len(rows), c.n_nodes), dtype=bool)
    full[:, c.visible] = rows
    spins = to_spins(full).astype(np.float32)
    if not len(c.hidden):
        return statistics_of(spins, c), full
    if c.hidden_apart:
        means = hidden_means(held_by(program, c), rows)
        rng = np.random.default_rng(derived(config.seed, state.step, _HIDDEN))
        full[:, c.hidden] = 2 * rng.random(means.shape) - 1 < means
        spins[:, c.hidden] = means
        return statistics_of(spins, c), full
    taken = config.clamped_sweeps // 2
    states = sampler.run(
        program,
        c,
        Schedule(config.clamped_sweeps - taken + 1, taken),
        replicas=len(rows),
        seed=derived(config.seed, state.step, _POSITIVE),
        visible=rows,
    ).node_states
    return statistics_of(to_spins(states.reshape(-1, c.n_nodes)), c), states[:, -1]


def _negative(
    state: TrainState, config: Training, full: np.ndarray, sampler: FabricSampler, program: Program
) -> tuple[Statistics, np.ndarray]:
    """Moments of the model's chains, and where the persistent ones are."""
    c = state.machine.connections
    persistent = config.method == "pcd"
    init = state.chains if persistent else full
    states = sampler.run(
        program,
        c,
        Schedule(config.sweeps, config.samples),
        replicas=len(init),
        seed=derived(config.seed, state.step, _NEGATIVE),
        init=init,
    ).node_states
    chains = states[:, -1].copy() if persistent else state.chains
    return statistics_of(to_spins(states.reshape(-1, c.n_nodes)), c), chains


def optimiser_of(config: Training) -> optax.GradientTransformation:
    """The optax transformation of a configuration."""
    rate = optax.linear_schedule(config.learning_rate, config.final_learning_rate, config.steps)
    if config.optimiser == "adam":
        return optax.adam(rate)
    return optax.sgd(rate, momentum=config.momentum if config.optimiser == "momentum" else None)


def blank_optimiser(machine: Any, config: Training) -> Any:
    """optax's state before the first update."""
    return optimiser_of(config).init(machine)


@lru_cache(maxsize=32)
def compiled_update(config: Training):
    """The compiled update of a configuration: (machine, optimiser state, gradient) → (machine, optimiser state)."""
    optimiser, bound = optimiser_of(config), float("inf") if config.clip is None else config.clip

    @jax.jit
    def apply(machine: Any, state: Any, slope: Any):
        slope = eqx.tree_at(lambda m: m.couplings, slope, slope.couplings + config.weight_decay * machine.couplings)
        updates, state = optimiser.update(slope, state, machine)
        machine = optax.apply_updates(machine, updates)
        machine = jax.tree.map(lambda x: jnp.clip(x, -bound, bound), machine)
        return machine, state

    return apply
