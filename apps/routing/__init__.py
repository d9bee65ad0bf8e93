"""Routing: which model answers a prompt, at what cost, and what was learnt from how it went."""

from typing import TYPE_CHECKING

from thermofab.apps.lazy import exports

if TYPE_CHECKING:
    from thermofab.apps.routing.cascades import Cascade, run_cascade
    from thermofab.apps.routing.decision import Alternative, RoutingDecision
    from thermofab.apps.routing.embedding import Embedding, HashedText, LatentText
    from thermofab.apps.routing.ensembles import vote
    from thermofab.apps.routing.ising import SetSampler
    from thermofab.apps.routing.ising_router import IsingRouter
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

__getattr__ = exports(
    __name__,
    {
        "Alternative": ".decision",
        "Cascade": ".cascades",
        "Catalogue": ".providers",
        "ConstantQuality": ".quality",
        "Constraints": ".requests",
        "Embedding": ".embedding",
        "ExecuteRequest": ".requests",
        "HashedText": ".embedding",
        "IsingRouter": ".ising_router",
        "LatentText": ".embedding",
        "LengthQuality": ".quality",
        "LogisticQuality": ".quality",
        "Model": ".providers",
        "NeighbourQuality": ".quality",
        "Preferences": ".requests",
        "QualityModel": ".quality",
        "Router": ".router",
        "RoutingDecision": ".decision",
        "SetSampler": ".ising",
        "TRMRouter": ".trm_router",
        "TaskType": ".requests",
        "create_trm_router": ".router",
        "default_catalogue": ".providers",
        "run_cascade": ".cascades",
        "vote": ".ensembles",
    },
)

__all__ = [
    "Alternative",
    "Cascade",
    "Catalogue",
    "ConstantQuality",
    "Constraints",
    "Embedding",
    "ExecuteRequest",
    "HashedText",
    "IsingRouter",
    "LatentText",
    "LengthQuality",
    "LogisticQuality",
    "Model",
    "NeighbourQuality",
    "Preferences",
    "QualityModel",
    "Router",
    "RoutingDecision",
    "SetSampler",
    "TRMRouter",
    "TaskType",
    "create_trm_router",
    "default_catalogue",
    "run_cascade",
    "vote",
]


def __dir__() -> list[str]:
    return __all__
