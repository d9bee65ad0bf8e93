"""Trading: scenarios, tail risk and strategy energies, sampled on a simulated or real fabric. No order is ever sent."""

from typing import TYPE_CHECKING

from thermofab.apps.lazy import exports

if TYPE_CHECKING:
    from thermofab.apps.trading.agents import DonnieAgent, OptimusAgent, RalphAgent
    from thermofab.apps.trading.backtest import Backtest, backtest
    from thermofab.apps.trading.market import ProbabilisticTradingModel
    from thermofab.apps.trading.prices import Prices, load_prices
    from thermofab.apps.trading.schedule import SamplingSchedule
    from thermofab.apps.trading.strategies import EnergyBasedStrategyModel

__getattr__ = exports(
    __name__,
    {
        "Backtest": ".backtest",
        "DonnieAgent": ".agents",
        "EnergyBasedStrategyModel": ".strategies",
        "OptimusAgent": ".agents",
        "Prices": ".prices",
        "ProbabilisticTradingModel": ".market",
        "RalphAgent": ".agents",
        "SamplingSchedule": ".schedule",
        "backtest": ".backtest",
        "load_prices": ".prices",
    },
)
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
