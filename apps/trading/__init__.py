"""Trading: scenarios, tail risk and strategy energies, sampled on a simulated or real fabric. No order is ever sent."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thermofab.apps.trading.agents import DonnieAgent, OptimusAgent, RalphAgent
    from thermofab.apps.trading.backtest import Backtest, backtest
    from thermofab.apps.trading.market import ProbabilisticTradingModel
    from thermofab.apps.trading.prices import Prices, load_prices
    from thermofab.apps.trading.schedule import SamplingSchedule
    from thermofab.apps.trading.strategies import EnergyBasedStrategyModel

_HOME = {
    "Backtest": "backtest",
    "DonnieAgent": "agents",
    "EnergyBasedStrategyModel": "strategies",
    "OptimusAgent": "agents",
    "Prices": "prices",
    "ProbabilisticTradingModel": "market",
    "RalphAgent": "agents",
    "SamplingSchedule": "schedule",
    "backtest": "backtest",
    "load_prices": "prices",
}
__all__ = [
    "Backtest",
    "DonnieAgent",
    "EnergyBasedStrategyModel",
    "OptimusAgent",
    "Prices",
    "ProbabilisticTradingModel",
    "RalphAgent",
    "SamplingSchedule",
    "backtest",
    "load_prices",
]


def __getattr__(name: str) -> Any:
    """Names load when first used: the command line needs neither arch nor JAX to say what it can do."""
    if name not in _HOME:
        raise AttributeError(f"module 'thermofab.apps.trading' has no attribute '{name}'")
    value = getattr(import_module(f"thermofab.apps.trading.{_HOME[name]}"), name)
    globals()[name] = value
    return value
