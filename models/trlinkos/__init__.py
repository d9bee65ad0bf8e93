"""TRLinkos: dendritic experts routed by torque clustering, recursive reasoning, and a verifiable trace of it."""

from thermofab.models.trlinkos.dag import Dag, DagNode
from thermofab.models.trlinkos.dendrite import DendriticCells, dcaap
from thermofab.models.trlinkos.guarded import Guarded
from thermofab.models.trlinkos.model import State, TRLinkos, TRLinkosConfig, supervision
from thermofab.models.trlinkos.ranking import Ranking
from thermofab.models.trlinkos.search import Found, SearchConfig, search
from thermofab.models.trlinkos.torque import TorqueRouter, torque_clusters
from thermofab.models.trlinkos.trm import ReasoningStep, TRLinkosTRM, trace_graph

__all__ = [
    "Dag",
    "DagNode",
    "DendriticCells",
    "Found",
    "Guarded",
    "Ranking",
    "ReasoningStep",
    "SearchConfig",
    "State",
    "TRLinkos",
    "TRLinkosConfig",
    "TRLinkosTRM",
    "TorqueRouter",
    "dcaap",
    "search",
    "supervision",
    "torque_clusters",
    "trace_graph",
]
