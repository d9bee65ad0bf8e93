"""Training a layer: contrastive divergence on noised images, with the adaptive correlation penalty.

    ∂J_ij = E_model[s_i s_j | x^t] - E_data[s_i s_j | x^{t-1}, x^t] + λ Cov(s_i, s_j | x^t)

Both expectations are counted on the device, at the integers it holds. Negative chains start at coin flips, not at the
data, and run as long as in generation: a layer whose chains do not get there in that many sweeps is not rewarded for
knowing the data by heart. Layers know nothing of each other; their data come from the forward chain alone.
"""

from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from thermofab.hw.spec import Counts, Schedule, SpecError
from thermofab.models.boltzmann.machine import BoltzmannMachine
from thermofab.models.boltzmann.sampler import FabricSampler
from thermofab.models.boltzmann.training import Training, blank_optimiser, compiled_update
from thermofab.models.dtm.autocorrelation import autocorrelation
from thermofab.models.dtm.forward import ForwardChain
from thermofab.models.dtm.layer import Layer
from thermofab.models.dtm.penalty import Penalty, covariances
from thermofab.models.seeds import batch_rows, derived

_NOISE, _POSITIVE, _NEGATIVE, _BATCHES, _PROBE, _PROBE_NOISE = range(6)


@dataclass(frozen=True)
class LayerTraining:
    """How to train a layer.

    Attributes:
        epochs: passes over the images.
        batch: images an update.
        sweeps: of the negative chains before the first sample; also the lag of the autocorrelation.
        clamped_sweeps: of the latents given x^{t-1} and x^t, before the first sample.
        samples: states counted of each chain.
        spacing: sweeps between them.
        learning_rate, final_learning_rate: Adam's, falling linearly.
        clip: largest |b| and |J| of the master copy.
        penalty: of correlations.
        probes: pairs of chains that the autocorrelation is measured with.
        seed: of everything.
    """

    epochs: int = 40
    batch: int = 128
    sweeps: int = 100
    clamped_sweeps: int = 30
    samples: int = 20
    spacing: int = 2
    learning_rate: float = 0.02
    final_learning_rate: float = 0.001
    clip: float | None = 3.0
    penalty: Penalty = Penalty()
    probes: int = 128
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low in (("epochs", 1), ("batch", 1), ("sweeps", 1), ("clamped_sweeps", 0), ("samples", 2)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise SpecError(f"{name} must be an integer of at least {low}, got {value!r}.")

    def optimiser(self, updates: int) -> Training:
        """The optimiser's configuration for so many updates."""
        return Training(
            steps=updates,
            learning_rate=self.learning_rate,
            final_learning_rate=self.final_learning_rate,
            clip=self.clip,
        )


@dataclass(frozen=True, eq=False)
class LayerState:
    """Everything that the training of a layer goes on from.

    Attributes:
        layer: roles and parameters.
        optimiser: optax's state.
        epoch: epochs done.
        strength: λ.
        autocorrelations: a of every epoch done.
    """

    layer: Layer
    optimiser: Any
    epoch: int = 0
    strength: float = 0.0
    autocorrelations: tuple[float, ...] = ()


def start_layer(layer: Layer, config: LayerTraining, images: np.ndarray) -> LayerState:
    """The state before the first epoch."""
    updates = config.epochs * updates_of(config, images)
    blank = blank_optimiser(layer.machine, config.optimiser(updates))
    return LayerState(layer, blank, strength=config.penalty.start)


def updates_of(config: LayerTraining, images: np.ndarray) -> int:
    """Updates an epoch."""
    return max(len(images) // config.batch, 1)


def train_epoch(
    state: LayerState, config: LayerTraining, chain: ForwardChain, t: int, images: np.ndarray, sampler: FabricSampler
) -> LayerState:
    """One pass over the images bool ``[N, v]`` for layer ``t`` of 1…T, then λ by the autocorrelation."""
    layer, optimiser = state.layer, state.optimiser
    updates = updates_of(config, images)
    update = compiled_update(config.optimiser(config.epochs * updates))
    for step in range(state.epoch * updates, (state.epoch + 1) * updates):
        slope = layer_gradient(layer, config, chain, t, images, sampler, step, state.strength)
        machine, optimiser = update(layer.machine, optimiser, slope)
        # Adam moves only what has a gradient; the clip must not cut the forward coupling.
        kept = jnp.where(jnp.asarray(layer.trained), machine.couplings, layer.machine.couplings)
        layer = layer.with_machine(replace(machine, couplings=kept))
    rng = np.random.default_rng(derived(config.seed, t, _PROBE_NOISE))
    some = images[rng.integers(len(images), size=config.probes)]
    noisy = chain.pair(some, t, rng)[1] if len(layer.roles.inputs) else None
    measured = autocorrelation(
        layer, sampler, noisy, warmup=config.sweeps, spacing=config.sweeps, lags=1, chains=config.probes,
        seed=derived(config.seed, t, _PROBE, state.epoch),
    )  # fmt: skip
    now, before = float(measured.rho[0]), state.autocorrelations[-1] if state.autocorrelations else None
    strength = config.penalty.next_strength(state.strength, now, before)
    return LayerState(layer, optimiser, state.epoch + 1, strength, (*state.autocorrelations, now))


def layer_gradient(
    layer: Layer,
    config: LayerTraining,
    chain: ForwardChain,
    t: int,
    images: np.ndarray,
    sampler: FabricSampler,
    step: int,
    strength: float,
) -> BoltzmannMachine:
    """The gradient of update number ``step``, 0 for what is not trained."""
    seed = config.seed
    rows = images[batch_rows(len(images), config.batch, step, derived(seed, t, _BATCHES))]
    less, more = chain.pair(rows, t, np.random.default_rng(derived(seed, t, _NOISE, step)))
    program = sampler.holding(layer.machine)

    def counts(warmup: int, pixels: np.ndarray | None, phase: int) -> Counts:
        clamp = layer.clamps(len(rows), more, pixels)
        schedule = Schedule(warmup, config.samples, config.spacing)
        return layer.counted(sampler, program, schedule, clamp, derived(seed, t, phase, step))

    data = counts(config.clamped_sweeps, less, _POSITIVE)
    model = counts(config.sweeps, None, _NEGATIVE)
    biases = model.first().mean(axis=0) - data.first().mean(axis=0)
    couplings = model.second().mean(axis=0) - data.second().mean(axis=0)
    if strength:
        couplings += strength * covariances(model)
    return BoltzmannMachine.of(layer.machine.connections, biases, np.where(layer.trained, couplings, 0.0))
