"""Foresight: what may happen next, as calibrated probabilities, rules, scenarios, influences and a sampled tree."""

from thermofab.apps.foresight.context import ForesightContext
from thermofab.apps.foresight.engine import Foresight, ForesightEngine, create_trm_foresight_engine
from thermofab.apps.foresight.joint import Joint, JointSampler, fit_joint
from thermofab.apps.foresight.tree import Node, probability_tree

__all__ = [
    "Foresight",
    "ForesightContext",
    "ForesightEngine",
    "Joint",
    "JointSampler",
    "Node",
    "create_trm_foresight_engine",
    "fit_joint",
    "probability_tree",
]
