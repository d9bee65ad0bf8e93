"""Boltzmann machines that learn on a fabric: any graph, trained with the samples of a compiled program."""

from thermofab.models.boltzmann.annealed import Estimate, log_partition
from thermofab.models.boltzmann.checkpoint import load_training, save_training
from thermofab.models.boltzmann.connections import Connections, deep, fully_visible, on_topology, restricted
from thermofab.models.boltzmann.enumeration import Enumerated, kl_divergence, visible_marginal
from thermofab.models.boltzmann.held import held_by
from thermofab.models.boltzmann.likelihood import (
    free_energy,
    log_likelihood,
    pseudo_likelihood,
    sampled_log_partition,
)
from thermofab.models.boltzmann.machine import BoltzmannMachine, from_binary_rbm, to_binary_rbm
from thermofab.models.boltzmann.sampler import FabricSampler
from thermofab.models.boltzmann.training import Training, TrainState, advance, fit, start

__all__ = [
    "BoltzmannMachine",
    "Connections",
    "Enumerated",
    "Estimate",
    "FabricSampler",
    "TrainState",
    "Training",
    "advance",
    "deep",
    "fit",
    "free_energy",
    "from_binary_rbm",
    "fully_visible",
    "held_by",
    "kl_divergence",
    "load_training",
    "log_likelihood",
    "log_partition",
    "on_topology",
    "pseudo_likelihood",
    "restricted",
    "sampled_log_partition",
    "save_training",
    "start",
    "to_binary_rbm",
    "visible_marginal",
]
