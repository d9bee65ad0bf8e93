"""Tiny recursive models in PyTorch: the general sequence form, the classifier, the refinement module."""

from thermofab.models.trm.blocks import MIXING
from thermofab.models.trm.calibration import Calibration, Halting, calibrate, halting_curve
from thermofab.models.trm.classifier import Prediction, TinyRecursiveModel, TRMConfig, TRMModelConfig, TRMOutput
from thermofab.models.trm.classifier_training import TRMTrainer, TRMTraining, load_classifier
from thermofab.models.trm.ema import WeightAverage
from thermofab.models.trm.grokfast import GrokFast
from thermofab.models.trm.inference import Answers, answer
from thermofab.models.trm.losses import LossWeights, halting_loss, profit_loss, strategy_loss, total_loss
from thermofab.models.trm.memorisation import MemorisationReport, check_memorisation
from thermofab.models.trm.normaliser import Normaliser
from thermofab.models.trm.pretrained import shipped_models
from thermofab.models.trm.sequence import Carry, RecursiveModel, SequenceConfig, SequenceTRM, Step
from thermofab.models.trm.sequence_training import IGNORED, SequenceTrainer, SequenceTraining, averaged_model
from thermofab.models.trm.stablemax import log_stablemax, stablemax_cross_entropy

__all__ = [
    "Answers",
    "Calibration",
    "Carry",
    "GrokFast",
    "Halting",
    "IGNORED",
    "LossWeights",
    "MIXING",
    "MemorisationReport",
    "Normaliser",
    "Prediction",
    "RecursiveModel",
    "SequenceConfig",
    "SequenceTRM",
    "SequenceTrainer",
    "SequenceTraining",
    "Step",
    "TRMConfig",
    "TRMModelConfig",
    "TRMOutput",
    "TRMTrainer",
    "TRMTraining",
    "TinyRecursiveModel",
    "WeightAverage",
    "answer",
    "averaged_model",
    "calibrate",
    "check_memorisation",
    "halting_curve",
    "halting_loss",
    "load_classifier",
    "log_stablemax",
    "profit_loss",
    "shipped_models",
    "stablemax_cross_entropy",
    "strategy_loss",
    "total_loss",
]
