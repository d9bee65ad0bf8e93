"""Strategy predictions: ten market features to eight allocations, by a tiny recursive model. No order is ever sent."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thermofab.apps.market.store import HistoricalDataManager
    from thermofab.apps.strategy.broadcast import broadcast_trm_predictions
    from thermofab.apps.strategy.checkpoint import StrategyModel, load_strategy_model, save_strategy_model
    from thermofab.apps.strategy.config import (
        MarketFeatureConfig,
        StrategyConfig,
        TRMConfig,
        TRMModelConfig,
        TRMTrainingConfig,
    )
    from thermofab.apps.strategy.drift import DriftConfig, DriftMonitor
    from thermofab.apps.strategy.features import MarketFeatureExtractor
    from thermofab.apps.strategy.labeler import StrategyLabeler
    from thermofab.apps.strategy.names import ALIASES, FEATURES, STRATEGIES, strategy_index
    from thermofab.apps.strategy.plan import Plan, PlanSampler
    from thermofab.apps.strategy.plan_problem import PlanProblem, PlanTerms
    from thermofab.apps.strategy.planner import Planner
    from thermofab.apps.strategy.predictor import TRMStreamingPredictor
    from thermofab.models.trm.classifier import TinyRecursiveModel

_HERE = "thermofab.apps.strategy."
_HOME = {
    "HistoricalDataManager": "thermofab.apps.market.store",
    "TinyRecursiveModel": "thermofab.models.trm.classifier",
    "MarketFeatureExtractor": _HERE + "features",
    "StrategyLabeler": _HERE + "labeler",
    **dict.fromkeys(("StrategyModel", "load_strategy_model", "save_strategy_model"), _HERE + "checkpoint"),
    **dict.fromkeys(
        ("MarketFeatureConfig", "StrategyConfig", "TRMConfig", "TRMModelConfig", "TRMTrainingConfig"), _HERE + "config"
    ),
    "broadcast_trm_predictions": _HERE + "broadcast",
    "TRMStreamingPredictor": _HERE + "predictor",
    "Planner": _HERE + "planner",
    **dict.fromkeys(("DriftConfig", "DriftMonitor"), _HERE + "drift"),
    **dict.fromkeys(("Plan", "PlanSampler"), _HERE + "plan"),
    **dict.fromkeys(("PlanProblem", "PlanTerms"), _HERE + "plan_problem"),
    **dict.fromkeys(("ALIASES", "FEATURES", "STRATEGIES", "strategy_index"), _HERE + "names"),
}
__all__ = [
    "ALIASES",
    "DriftConfig",
    "DriftMonitor",
    "FEATURES",
    "HistoricalDataManager",
    "MarketFeatureConfig",
    "MarketFeatureExtractor",
    "Plan",
    "PlanProblem",
    "PlanSampler",
    "PlanTerms",
    "Planner",
    "STRATEGIES",
    "StrategyConfig",
    "StrategyLabeler",
    "StrategyModel",
    "TRMConfig",
    "TRMModelConfig",
    "TRMStreamingPredictor",
    "TRMTrainingConfig",
    "TinyRecursiveModel",
    "broadcast_trm_predictions",
    "load_strategy_model",
    "save_strategy_model",
    "strategy_index",
]


def __getattr__(name: str) -> Any:
    """Names load when first used: the command line needs neither torch nor pandas to say what it can do."""
    if name not in _HOME:
        raise AttributeError(f"module 'thermofab.apps.strategy' has no attribute '{name}'")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value
