"""Hybrids: recursive models and expert gates with parts that a compiled program samples on a device."""

from thermofab.models.hybrid.backtracking import BackTracked, Branching, back_track
from thermofab.models.hybrid.choice import Chosen, DeviceChoice, choice_layout
from thermofab.models.hybrid.estimators import ESTIMATORS, expected_cost, sampled_means
from thermofab.models.hybrid.experts import EnergyGate, TopGate, expert_layout
from thermofab.models.hybrid.fields import DeviceFields, FieldLayout
from thermofab.models.hybrid.reasoning import ReasoningTRM, Relations, exclusion_relations

__all__ = [
    "ESTIMATORS",
    "BackTracked",
    "Branching",
    "Chosen",
    "DeviceChoice",
    "DeviceFields",
    "EnergyGate",
    "FieldLayout",
    "ReasoningTRM",
    "Relations",
    "TopGate",
    "back_track",
    "choice_layout",
    "exclusion_relations",
    "expected_cost",
    "expert_layout",
    "sampled_means",
]
