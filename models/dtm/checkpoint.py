"""A denoising model on disk: every layer's parameters, roles and training state; going on is bit for bit.

A state is kept a layer; layers that are trained, being trained and not begun look alike. The templates are not stored:
they are compiled again from the same arguments, and refused if their digest is another.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from thermofab.hw.spec import SpecError
from thermofab.models.boltzmann.machine import BoltzmannMachine
from thermofab.models.checkpoints import load_checkpoint, save_checkpoint
from thermofab.models.dtm.model import DenoisingModel
from thermofab.models.dtm.penalty import Penalty
from thermofab.models.dtm.training import LayerState, LayerTraining

KIND = "dtm-training"


def save_dtm(path: str | Path, model: DenoisingModel, states: Sequence[LayerState], config: LayerTraining) -> None:
    """Write ``path.safetensors`` and ``path.json``; ``states`` are of layers 1…T, as :meth:`DenoisingModel.start` and
    :meth:`DenoisingModel.epoch` make them.
    """
    if len(states) != model.chain.steps:
        raise SpecError(f"a model of {model.chain.steps} layers needs as many states, got {len(states)}.")
    arrays = {}
    for t, state in enumerate(states, 1):
        machine = state.layer.machine
        arrays |= {f"{t}.biases": np.asarray(machine.biases), f"{t}.couplings": np.asarray(machine.couplings)}
        leaves = jax.tree.leaves(state.optimiser)
        arrays |= {f"{t}.optimiser.{k}": np.asarray(leaf) for k, leaf in enumerate(leaves)}
    about = {
        "config": asdict(config),
        "templates": [sampler.template.digest for sampler in model.samplers],
        "layers": [{"epoch": s.epoch, "strength": s.strength, "autocorrelations": s.autocorrelations} for s in states],
    }
    save_checkpoint(path, KIND, arrays, about)


def load_dtm(
    path: str | Path, model: DenoisingModel, images: np.ndarray
) -> tuple[DenoisingModel, tuple[LayerState, ...], LayerTraining]:
    """What :func:`save_dtm` wrote, into a fresh ``model`` made with the same arguments.

    Args:
        path: without suffix.
        model: from :meth:`DenoisingModel.fresh`.
        images: what is trained on; the optimiser's schedule depends on their number.
    """
    arrays, about = load_checkpoint(path, KIND)
    if about["templates"] != [sampler.template.digest for sampler in model.samplers]:
        raise SpecError(
            "this model was trained with other template programs; make the fresh model with the same fabric, number of "
            "layers, conditioning, betas and seed."
        )
    config = LayerTraining(**{**about["config"], "penalty": Penalty(**about["config"]["penalty"])})
    states = []
    for t, known in enumerate(about["layers"], 1):
        layer = model.layers[t - 1]
        machine = BoltzmannMachine.of(layer.machine.connections, arrays[f"{t}.biases"], arrays[f"{t}.couplings"])
        blank = model.start(t, config, images)
        shape = jax.tree.structure(blank.optimiser)
        leaves = [jnp.asarray(arrays[f"{t}.optimiser.{k}"]) for k in range(shape.num_leaves)]
        states.append(
            replace(
                blank,
                layer=layer.with_machine(machine),
                optimiser=jax.tree.unflatten(shape, leaves),
                epoch=known["epoch"],
                strength=known["strength"],
                autocorrelations=tuple(known["autocorrelations"]),
            )
        )
        model = model.with_layer(t, states[-1].layer)
    return model, tuple(states), config
