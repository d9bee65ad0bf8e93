"""Agents: Optimus simulates and measures risk, Ralph judges strategies, Donnie validates trades. No order is sent."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thermofab.apps.trading.market import ProbabilisticTradingModel, State
from thermofab.apps.trading.prices import Prices, load_prices
from thermofab.apps.trading.records import example_records
from thermofab.apps.trading.strategies import EnergyBasedStrategyModel
from thermofab.hw.spec import SpecError

HIGH, MODERATE = 0.10, 0.05
_MODELS: dict[tuple[str, str], ProbabilisticTradingModel] = {}


def _positive(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not (np.isfinite(number) and number > 0):
        raise SpecError(f"{name} must be a positive number, got {value!r}.")
    return number


def _market(prices: Prices | None, device: Any) -> ProbabilisticTradingModel:
    """The model of ``prices``, or of the S&P 500, fitted once a device."""
    if prices is not None:
        return ProbabilisticTradingModel(device=device).fit(prices)
    key = ("^GSPC", device if isinstance(device, str) else str(id(device)))
    if key not in _MODELS:
        _MODELS[key] = ProbabilisticTradingModel(device=device).fit(load_prices())
    return _MODELS[key]


@dataclass(eq=False)
class OptimusAgent:
    """Scenarios and tail risk.

    Args:
        sandbox: only ``True`` is accepted: there is no other mode.
        device: what samples.
        prices: whose days the model learns from; by default the S&P 500 to 2018, and the volatility given in a call
            scales them to the symbol asked about.
        seed: of everything random.
    """

    sandbox: bool = True
    device: Any = "jax"
    prices: Prices | None = None
    seed: int = 0
    model: ProbabilisticTradingModel | None = None

    def __post_init__(self) -> None:
        if self.sandbox is not True:
            raise SpecError("OptimusAgent only simulates and never sends an order; sandbox must be True.")

    def simulate_trading_scenarios(
        self,
        symbol: str,
        current_price: float,
        volatility: float,
        volume: float = 0,
        num_trajectories: int = 100,
        horizon: int = 10,
    ) -> dict[str, Any]:
        """Paths of a price with a yearly ``volatility`` to start from; ``volume`` is recorded, not modelled.

        Raises:
            SpecError: no symbol, or a price, volatility, number or horizon that is not positive, or a negative volume.
        """
        returns = self._returns(symbol, volatility, volume, num_trajectories, horizon)
        price = _positive("current_price", current_price)
        prices = price * np.exp(np.cumsum(returns, axis=1))
        total, last = np.expm1(returns.sum(axis=1)), prices[:, -1]
        return {
            "symbol": symbol,
            "current_price": price,
            "num_trajectories": int(num_trajectories),
            "horizon": int(horizon),
            "volume": float(volume),
            "trajectories": prices.tolist(),
            "statistics": {
                "mean_future_price": float(last.mean()),
                "std_future_price": float(last.std()),
                "min_future_price": float(last.min()),
                "max_future_price": float(last.max()),
                "mean_return": float(total.mean()),
                "std_return": float(total.std()),
                "prob_profit": float(np.mean(total > 0)),
                "prob_loss": float(np.mean(total < 0)),
            },
        }

    def estimate_tail_risk(
        self,
        symbol: str,
        current_price: float,
        volatility: float,
        volume: float = 0,
        threshold: float = -0.1,
        horizon: int = 10,
        num_trajectories: int = 10_000,
    ) -> dict[str, Any]:
        """Risk over ``horizon`` days: the probability of a return below ``threshold``, VaR and CVaR at 95%."""
        _positive("current_price", current_price)
        if not -1 < threshold < 0:
            raise SpecError(
                f"threshold is a simple return between -1 and 0, such as -0.1 for a loss of 10%; got {threshold!r}."
            )
        total = np.expm1(self._returns(symbol, volatility, volume, num_trajectories, horizon).sum(axis=1))
        worst, tail = np.quantile(total, 0.05), float(np.mean(total < threshold))
        level = "HIGH" if tail > HIGH else "MODERATE" if tail > MODERATE else "LOW"
        advice = {"HIGH": "reduce the position or hedge it", "MODERATE": "size with care", "LOW": "within limits"}[
            level
        ]
        return {
            "symbol": symbol,
            "threshold": float(threshold),
            "horizon": int(horizon),
            "risk_metrics": {
                "tail_probability": tail,
                "var_95": float(-worst),
                "cvar_95": float(-total[total <= worst].mean()),
                "mean_return": float(total.mean()),
                "std_return": float(total.std()),
            },
            "risk_level": level.lower(),
            "recommendation": f"{level} RISK: {tail:.1%} chance of a return below {threshold:.0%} in {horizon} days; "
            + advice,
        }

    def position_size(
        self, equity: float, risk: Mapping[str, Any], *, risk_budget: float = 0.02, largest: float = 1.0
    ) -> dict[str, float]:
        """How much of ``equity`` to hold so that its CVaR at 95% is ``risk_budget`` of it, at most ``largest`` of it;
        halved at moderate tail risk, nothing at high. ``risk`` is what :meth:`estimate_tail_risk` gave."""
        equity, budget = _positive("equity", equity), _positive("risk_budget", risk_budget)
        metrics = risk["risk_metrics"]
        share = min(budget / max(metrics["cvar_95"], 1e-9), _positive("largest", largest))
        tail = metrics["tail_probability"]
        share *= 0.0 if tail > HIGH else 0.5 if tail > MODERATE else 1.0
        return {"fraction": float(share), "notional": float(share * equity)}

    def profile_thrml_performance(
        self, devices: Sequence[str] = ("jax", "native", "numpy"), samples: int = 20_000
    ) -> dict[str, Any]:
        """One-day scenarios a second by device, and of the same distribution enumerated and drawn by numpy
        (``"numpy"``)."""
        model = self._model()
        found = {}
        for name in devices:
            started, count = self._profiled(model, name, samples)
            found[name] = {"samples_per_second": count / started, "seconds": started, "samples": count}
        best = max(found, key=lambda name: found[name]["samples_per_second"])
        return {
            "benchmark_results": found,
            "recommendation": f"{best} was fastest here: {found[best]['samples_per_second']:.3g} scenarios a second",
        }

    def _profiled(self, model: ProbabilisticTradingModel, name: str, samples: int) -> tuple[float, int]:
        fitted = model._needed()
        conditions = fitted.encoding.conditions(np.sqrt(fitted.last.variance), fitted.last.week)
        rows = np.repeat(conditions, samples, axis=0)
        if name == "numpy":
            started = time.perf_counter()
            distribution = np.exp(fitted.conditional.log_probabilities(rows))
            (distribution.cumsum(axis=1) < np.random.default_rng(0).random((samples, 1))).sum(axis=1)
            return time.perf_counter() - started, samples
        other = ProbabilisticTradingModel(device=name, fitted=fitted, sweeps=model.sweeps)
        other.draw(rows[:16], self.seed)  # what compiles, compiles here
        started = time.perf_counter()
        other.draw(rows, self.seed)
        return time.perf_counter() - started, samples

    def _model(self) -> ProbabilisticTradingModel:
        if self.model is None:
            self.model = _market(self.prices, self.device)
        return self.model

    def _returns(self, symbol: str, volatility: Any, volume: Any, paths: int, horizon: int) -> np.ndarray:
        if not isinstance(symbol, str) or not symbol.strip():
            raise SpecError(f"symbol must be a name such as 'AAPL', got {symbol!r}.")
        yearly = _positive("volatility", volatility)
        if not float(volume) >= 0:
            raise SpecError(f"volume cannot be negative, got {volume!r}.")
        model = self._model()
        fitted = model._needed()
        # Another symbol's days are the model's on its own scale: volatility relative to the long run is what is known.
        usual = float(np.sqrt(fitted.volatility.long_run))
        scale = yearly / np.sqrt(252) / usual
        start = State(np.array([usual**2]), np.zeros((1, 5)))
        return scale * model.simulate_market_trajectories(start, paths, horizon, self.seed).returns


@dataclass(eq=False)
class RalphAgent:
    """Strategy patterns. ``strategies`` are the approved records; by default examples of the documented generator."""

    strategies: Sequence[Mapping[str, Any]] | None = None
    device: Any = "jax"
    seed: int = 0
    model: EnergyBasedStrategyModel | None = None

    def train_strategy_ebm(self) -> dict[str, Any]:
        """Learn; ``num_strategies`` and figures of the training."""
        records = example_records(800, self.seed) if self.strategies is None else self.strategies
        self.model = EnergyBasedStrategyModel(device=self.device, seed=self.seed)
        return self.model.train(records)

    def evaluate_strategy_with_ebm(self, strategy: Mapping[str, Any]) -> dict[str, Any]:
        """``energy``, ``probability_score``, ``is_typical``, ``interpretation``."""
        return self._trained().evaluate(strategy)

    def generate_strategy_samples(self, num_samples: int = 10) -> list[dict[str, Any]]:
        """New records: ``name``, ``thrml_energy``, ``features``; not back-tested."""
        return self._trained().sample_strategies(num_samples)

    def _trained(self) -> EnergyBasedStrategyModel:
        if self.model is None:
            raise SpecError("the strategy model has not been trained; call train_strategy_ebm() first.")
        return self.model


@dataclass(eq=False)
class DonnieAgent:
    """Validates a proposed trade by simulation: accept, shrink or reject, with the probabilities behind it."""

    optimus: OptimusAgent

    def validate_trade(
        self,
        symbol: str,
        current_price: float,
        volatility: float,
        *,
        fraction: float,
        stop_loss: float = -0.1,
        horizon: int = 10,
        risk_budget: float = 0.02,
    ) -> dict[str, Any]:
        """A long position of ``fraction`` of the equity: rejected at high tail risk, shrunk to what the budget allows.

        Raises:
            SpecError: the fraction is not in 0…1, or what :meth:`OptimusAgent.estimate_tail_risk` refuses.
        """
        if not 0 < fraction <= 1:
            raise SpecError(f"fraction is the share of equity to hold, above 0 and at most 1, got {fraction!r}.")
        risk = self.optimus.estimate_tail_risk(symbol, current_price, volatility, threshold=stop_loss, horizon=horizon)
        allowed = self.optimus.position_size(1.0, risk, risk_budget=risk_budget)["fraction"]
        decision = "reject" if allowed == 0 else "accept" if fraction <= allowed else "shrink"
        metrics = risk["risk_metrics"]
        return {
            "decision": decision,
            "fraction": {"reject": 0.0, "accept": float(fraction), "shrink": allowed}[decision],
            "probabilities": {"stop_loss": metrics["tail_probability"]},
            "risk_metrics": metrics,
            "reason": f"{metrics['tail_probability']:.1%} chance of a return below {stop_loss:.0%} in {horizon} days; "
            f"the budget of {risk_budget:.1%} allows {allowed:.0%} of equity",
        }
