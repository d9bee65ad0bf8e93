"""Routing: which model answers a prompt, at what cost, and what was learnt from how it went."""

from thermofab.apps.routing.decision import Alternative, RoutingDecision
from thermofab.apps.routing.embedding import Embedding, HashedText, LatentText
from thermofab.apps.routing.providers import Catalogue, Model, default_catalogue
from thermofab.apps.routing.quality import (
    ConstantQuality,
    LengthQuality,
    LogisticQuality,
    NeighbourQuality,
    QualityModel,
)
from thermofab.apps.routing.requests import Constraints, ExecuteRequest, Preferences, TaskType
from thermofab.apps.routing.router import Router, create_trm_router
from thermofab.apps.routing.trm_router import TRMRouter

__all__ = [
    "Alternative", "Catalogue", "ConstantQuality", "Constraints", "Embedding", "ExecuteRequest", "HashedText",
    "LatentText", "LengthQuality", "LogisticQuality", "Model", "NeighbourQuality", "Preferences", "QualityModel",
    "Router", "RoutingDecision", "TRMRouter", "TaskType", "create_trm_router", "default_catalogue",
]  # fmt: skip
