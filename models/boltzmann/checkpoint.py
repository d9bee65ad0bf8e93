"""A training run on disk: parameters, optimiser, chains and step; resuming goes on bit for bit.

All randomness of a run derives from (seed, step), so nothing of it needs storing. The integers depend on the template
program too: its digest is kept, and resuming with another one is refused.
"""

from dataclasses import asdict
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from thermofab.hw.spec import SpecError
from thermofab.models.boltzmann.connections import Connections
from thermofab.models.boltzmann.machine import BoltzmannMachine
from thermofab.models.boltzmann.sampler import FabricSampler
from thermofab.models.boltzmann.training import Training, TrainState, blank_optimiser
from thermofab.models.checkpoints import load_checkpoint, save_checkpoint

KIND = "boltzmann-training"


def save_training(path: str | Path, state: TrainState, config: Training, sampler: FabricSampler | None = None) -> None:
    """Write ``path.safetensors`` and ``path.json``."""
    leaves = jax.tree.leaves(state.optimiser)
    arrays = {
        "biases": np.asarray(state.machine.biases),
        "couplings": np.asarray(state.machine.couplings),
        "chains": state.chains.astype(np.uint8),
        **{f"optimiser.{k}": np.asarray(leaf) for k, leaf in enumerate(leaves)},
    }
    about = {
        "config": asdict(config),
        "connections": state.machine.connections.to_json(),
        "step": state.step,
        "template": _identity(sampler),
    }
    save_checkpoint(path, KIND, arrays, about)


def load_training(path: str | Path, sampler: FabricSampler | None = None) -> tuple[TrainState, Training]:
    """The run of :func:`save_training`; ``sampler`` must hold the template it was trained with.

    Raises:
        SpecError: files that do not belong together, or another template.
    """
    arrays, about = load_checkpoint(path, KIND)
    if _identity(sampler) != about["template"]:
        raise SpecError(
            "this run was trained with another template program or choice of its step, so going on would hold other "
            "integers; compile the template as it was, from the same initial machine, fabric and seed."
        )
    config = Training(**about["config"])
    machine = BoltzmannMachine.of(Connections.from_json(about["connections"]), arrays["biases"], arrays["couplings"])
    shape = jax.tree.structure(blank_optimiser(machine, config))
    leaves = [jnp.asarray(arrays[f"optimiser.{k}"]) for k in range(shape.num_leaves)]
    return TrainState(machine, jax.tree.unflatten(shape, leaves), arrays["chains"].astype(bool), about["step"]), config


def _identity(sampler: FabricSampler | None) -> list[str] | None:
    """What the integers depend on besides the parameters."""
    return None if sampler is None else [sampler.template.digest, sampler.step]
