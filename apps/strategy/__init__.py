"""Strategy predictions: ten market features to eight allocations, by a tiny recursive model. No order is ever sent."""

from typing import TYPE_CHECKING

from thermofab.apps.lazy import exports

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

__getattr__ = exports(
    __name__,
    {
        "HistoricalDataManager": "thermofab.apps.market.store",
        "TinyRecursiveModel": "thermofab.models.trm.classifier",
        "MarketFeatureExtractor": ".features",
        "StrategyLabeler": ".labeler",
        **dict.fromkeys(("StrategyModel", "load_strategy_model", "save_strategy_model"), ".checkpoint"),
        **dict.fromkeys(
            ("MarketFeatureConfig", "StrategyConfig", "TRMConfig", "TRMModelConfig", "TRMTrainingConfig"),
            ".config",
        ),
        "broadcast_trm_predictions": ".broadcast",
        "TRMStreamingPredictor": ".predictor",
        "Planner": ".planner",
        **dict.fromkeys(("DriftConfig", "DriftMonitor"), ".drift"),
        **dict.fromkeys(("Plan", "PlanSampler"), ".plan"),
        **dict.fromkeys(("PlanProblem", "PlanTerms"), ".plan_problem"),
        **dict.fromkeys(("ALIASES", "FEATURES", "STRATEGIES", "strategy_index"), ".names"),
    },
)
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
