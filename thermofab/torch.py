"""Boltzmann machines as PyTorch modules, sampled by any device; the code is in :mod:`thermofab.apps.pytorch`.

from thermofab.torch import FabricSampler, GraphRestrictedBoltzmannMachine, RestrictedBoltzmannMachine, fit
"""

from thermofab.apps.pytorch.machine import GraphRestrictedBoltzmannMachine, SpinSampler
from thermofab.apps.pytorch.restricted import RestrictedBoltzmannMachine
from thermofab.apps.pytorch.sampler import FabricSampler
from thermofab.apps.pytorch.training import fit

__all__ = ["FabricSampler", "GraphRestrictedBoltzmannMachine", "RestrictedBoltzmannMachine", "SpinSampler", "fit"]
