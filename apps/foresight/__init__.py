"""Foresight: what may happen next, as calibrated probabilities, rules, scenarios, influences and a sampled tree."""

from typing import TYPE_CHECKING

from thermofab.apps.lazy import exports

if TYPE_CHECKING:
    from thermofab.apps.foresight.context import ForesightContext
    from thermofab.apps.foresight.engine import Foresight, ForesightEngine, create_trm_foresight_engine
    from thermofab.apps.foresight.joint import Joint, JointSampler, fit_joint
    from thermofab.apps.foresight.tree import Node, probability_tree

__getattr__ = exports(
    __name__,
    {
        "Foresight": ".engine",
        "ForesightContext": ".context",
        "ForesightEngine": ".engine",
        "Joint": ".joint",
        "JointSampler": ".joint",
        "Node": ".tree",
        "create_trm_foresight_engine": ".engine",
        "fit_joint": ".joint",
        "probability_tree": ".tree",
    },
)

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


def __dir__() -> list[str]:
    return __all__
