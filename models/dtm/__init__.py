"""The denoising thermodynamic model: Boltzmann machines in a row on one fabric, each taking a step of noise back."""

from thermofab.models.dtm.autocorrelation import Autocorrelation, autocorrelation
from thermofab.models.dtm.forward import ForwardChain
from thermofab.models.dtm.layer import Layer
from thermofab.models.dtm.metrics import Features, frechet_distance, kernel_mmd, median_distance, noise
from thermofab.models.dtm.model import DenoisingModel, Generated, Generation
from thermofab.models.dtm.penalty import Penalty, covariances
from thermofab.models.dtm.roles import Roles
from thermofab.models.dtm.training import LayerState, LayerTraining

__all__ = [
    "Autocorrelation",
    "DenoisingModel",
    "Features",
    "ForwardChain",
    "Generated",
    "Generation",
    "Layer",
    "LayerState",
    "LayerTraining",
    "Penalty",
    "Roles",
    "autocorrelation",
    "covariances",
    "frechet_distance",
    "kernel_mmd",
    "median_distance",
    "noise",
]
