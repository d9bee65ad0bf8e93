"""Agents: Optimus simulates and measures risk, Ralph judges strategies, Donnie validates trades. No order is sent."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from thermofab.apps.trading.encoding import WEEK
from thermofab.apps.trading.fitted import State
from thermofab.apps.trading.prices import Prices, load_prices
from thermofab.apps.trading.records import NAMES, example_records, features_of
from thermofab.apps.trading.risk import checked_threshold, tail_metrics
from thermofab.apps.trading.series import SeriesModel
from thermofab.apps.trading.strategies import EnergyBasedStrategyModel
from thermofab.hw.spec import SpecError
from thermofab.hw.spec.device import Device

HIGH, MODERATE = 0.10, 0.05
PARTICIPATION = 0.1  # of a day's volume, what one seller may be


@lru_cache(maxsize=4)
def _index_model(device: Device | str) -> SeriesModel:
    """The model of the S&P 500's built-in history, fitted once per device."""
    return SeriesModel(device=device).fit(load_prices())


def _positive(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not (np.isfinite(number) and number > 0):
        raise SpecError(f"{name} must be a positive number, got {value!r}.")
    return number


def _liquidity(price: float, volume: float, horizon: int) -> dict[str, float] | None:
    """What a seller of :data:`PARTICIPATION` of a day's volume can sell over the horizon; None: volume not known."""
    if volume == 0:
        return None
    shares = PARTICIPATION * volume * horizon
    return {"participation": PARTICIPATION, "sellable_shares": shares, "sellable_value": shares * price}


@dataclass(frozen=True, eq=False)
class _Question:
    """What a call asks about: the model, where paths start, and where both come from."""

    model: SeriesModel
    state: State
    basis: dict[str, Any]


@dataclass(eq=False)
class OptimusAgent:
    """Scenarios and tail risk.

    A symbol whose prices are given has a model of its own, and its paths start where its prices end. Any other has the
    days of ``prices`` (of one symbol) or of the S&P 500 to 2018, scaled to the volatility that the call gives, and its
    paths start with no news. Every answer says which in ``basis``.

    Args:
        sandbox: only ``True`` is accepted: there is no other mode.
        device: what samples.
        prices: of one symbol, or by symbol.
        seed: of everything random.
        drift: the expected simple return a year where a call gives none.
    """

    sandbox: bool = True
    device: Device | str = "jax"
    prices: Prices | Mapping[str, Prices] | None = None
    seed: int = 0
    drift: float = 0.0
    _models: dict[str, SeriesModel] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.sandbox is not True:
            raise SpecError("OptimusAgent only simulates and never sends an order; sandbox must be True.")

    def simulate_trading_scenarios(
        self,
        symbol: str,
        current_price: float,
        volatility: float | None = None,
        volume: float = 0,
        num_trajectories: int = 100,
        horizon: int = 10,
        drift: float | None = None,
    ) -> dict[str, Any]:
        """Paths of a price.

        Args:
            symbol: its name.
            current_price: where paths start.
            volatility: a year's, on the first day; may be left out for a symbol whose prices are given, whose own last
                days then say it.
            volume: shares traded a day, 0 if not known: how many may be sold over the horizon, a tenth of it a day, is
                under ``liquidity``, and bounds :meth:`position_size`.
            num_trajectories, horizon: paths and days.
            drift: the expected simple return a year; by default the agent's, 0 unless given.

        Raises:
            SpecError: no symbol, no volatility where it is needed, or a price, volatility, number or horizon that is
                not positive, or a negative volume.
        """
        returns, basis = self._returns(symbol, volatility, volume, num_trajectories, horizon, drift)
        price = _positive("current_price", current_price)
        prices = price * np.exp(np.cumsum(returns, axis=1))
        total, last = np.expm1(returns.sum(axis=1)), prices[:, -1]
        return {
            "symbol": symbol,
            "current_price": price,
            "num_trajectories": int(num_trajectories),
            "horizon": int(horizon),
            "volume": float(volume),
            "basis": basis,
            "liquidity": _liquidity(price, float(volume), int(horizon)),
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
        volatility: float | None = None,
        volume: float = 0,
        threshold: float = -0.1,
        horizon: int = 10,
        num_trajectories: int = 10_000,
        drift: float | None = None,
    ) -> dict[str, Any]:
        """Risk over ``horizon`` days: the probability of a return below ``threshold``, VaR and CVaR at 95%; the other
        arguments are those of :meth:`simulate_trading_scenarios`."""
        price = _positive("current_price", current_price)
        checked_threshold(threshold)
        returns, basis = self._returns(symbol, volatility, volume, num_trajectories, horizon, drift)
        metrics = tail_metrics(np.expm1(returns.sum(axis=1)), threshold)
        tail = metrics["tail_probability"]
        level = "HIGH" if tail > HIGH else "MODERATE" if tail > MODERATE else "LOW"
        advice = {"HIGH": "reduce the position or hedge it", "MODERATE": "size with care", "LOW": "within limits"}[
            level
        ]
        return {
            "symbol": symbol,
            "threshold": float(threshold),
            "horizon": int(horizon),
            "basis": basis,
            "liquidity": _liquidity(price, float(volume), int(horizon)),
            "risk_metrics": metrics,
            "risk_level": level.lower(),
            "recommendation": f"{level} RISK: {tail:.1%} chance of a return below {threshold:.0%} in {horizon} days; "
            + advice,
        }

    def position_size(
        self, equity: float, risk: Mapping[str, Any], *, risk_budget: float = 0.02, largest: float = 1.0
    ) -> dict[str, float]:
        """How much of ``equity`` to hold so that its CVaR at 95% is ``risk_budget`` of it, at most ``largest`` of it;
        halved at moderate tail risk, nothing at high, and no more than can be sold over the horizon where the volume is
        known. ``risk`` is what :meth:`estimate_tail_risk` gave."""
        equity, budget = _positive("equity", equity), _positive("risk_budget", risk_budget)
        metrics = risk["risk_metrics"]
        share = min(budget / max(metrics["cvar_95"], 1e-9), _positive("largest", largest))
        tail = metrics["tail_probability"]
        share *= 0.0 if tail > HIGH else 0.5 if tail > MODERATE else 1.0
        sellable = risk.get("liquidity")
        if sellable is not None:
            share = min(share, sellable["sellable_value"] / equity)
        return {"fraction": float(share), "notional": float(share * equity)}

    def profile_thrml_performance(
        self, devices: Sequence[str] = ("jax", "native", "thrml", "numpy"), samples: int = 20_000
    ) -> dict[str, Any]:
        """One-day scenarios a second by device; of the same distribution in THRML (``"thrml"``), and enumerated and
        drawn by numpy (``"numpy"``)."""
        model = self._shape()[1]
        found = {}
        for name in devices:
            started, count = self._profiled(model, name, samples)
            found[name] = {"samples_per_second": count / started, "seconds": started, "samples": count}
        best = max(found, key=lambda name: found[name]["samples_per_second"])
        return {
            "benchmark_results": found,
            "recommendation": f"{best} was fastest here: {found[best]['samples_per_second']:.3g} scenarios a second",
        }

    def _profiled(self, model: SeriesModel, name: str, samples: int) -> tuple[float, int]:
        fitted = model.learnt
        conditions = fitted.encoding.conditions(np.sqrt(fitted.last.variance), fitted.last.week)
        rows = np.repeat(conditions, samples, axis=0)
        if name == "numpy":
            started = time.perf_counter()
            distribution = np.exp(fitted.conditional.log_probabilities(rows))
            (distribution.cumsum(axis=1) < np.random.default_rng(0).random((samples, 1))).sum(axis=1)
            return time.perf_counter() - started, samples
        if name == "thrml":
            import jax

            from thermofab.apps.trading.thrml_draws import thrml_sampler

            draw = thrml_sampler(fitted.conditional)
            jax.block_until_ready(draw(jax.random.key(self.seed), rows))  # what compiles, compiles here
            started = time.perf_counter()
            jax.block_until_ready(draw(jax.random.key(self.seed + 1), rows))
            return time.perf_counter() - started, samples
        other = SeriesModel(device=name, fitted=fitted, sweeps=model.sweeps)
        other.draw(rows, self.seed)  # what compiles, compiles here, for as many chains
        started = time.perf_counter()
        other.draw(rows, self.seed)
        return time.perf_counter() - started, samples

    def _fitted(self, prices: Prices) -> SeriesModel:
        """The model of ``prices``, fitted once."""
        if prices.symbol not in self._models:
            self._models[prices.symbol] = SeriesModel(device=self.device).fit(prices)
        return self._models[prices.symbol]

    def _shape(self) -> tuple[str, SeriesModel]:
        """Whose days a symbol without prices is given, and their model."""
        if isinstance(self.prices, Prices):
            return self.prices.symbol, self._fitted(self.prices)
        return "^GSPC", _index_model(self.device)

    def _own(self, symbol: str) -> Prices | None:
        if isinstance(self.prices, Prices):
            return self.prices if self.prices.symbol.lower() == symbol.lower() else None
        known = {name.lower(): prices for name, prices in (self.prices or {}).items()}
        return known.get(symbol.lower())

    def _question(self, symbol: str, volatility: Any) -> _Question:
        if not isinstance(symbol, str) or not symbol.strip():
            raise SpecError(f"symbol must be a name such as 'AAPL', got {symbol!r}.")
        own = self._own(symbol)
        yearly = None if volatility is None else _positive("volatility", volatility)
        if own is not None:
            model = self._fitted(own)
            last = model.learnt.last
            state = last if yearly is None else State(np.array([yearly**2 / 252]), last.week)
            said = f"days to {own.dates[-1]}" + ("" if yearly is None else ", volatility as given")
            return _Question(model, state, {"learnt_from": own.symbol, "state": said})
        if yearly is None:
            raise SpecError(
                f"the volatility of {symbol} is not known: give it, or OptimusAgent(prices={{{symbol!r}: …}})."
            )
        name, model = self._shape()
        fitted = model.learnt
        # Volatility relative to the long run is what is known; the days are the model's, on the symbol's own scale.
        usual = fitted.volatility.long_run
        scale = yearly / np.sqrt(252 * usual)
        other = model.of(fitted.scaled(scale))
        return _Question(
            other,
            State(np.array([yearly**2 / 252]), np.zeros((1, WEEK))),
            {"learnt_from": name, "state": "no news, volatility as given"},
        )

    def _returns(
        self, symbol: str, volatility: Any, volume: Any, paths: int, horizon: int, drift: float | None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        if not float(volume) >= 0:
            raise SpecError(f"volume cannot be negative, got {volume!r}.")
        asked = self._question(symbol, volatility)
        drift = self.drift if drift is None else drift
        made = asked.model.simulate_market_trajectories(asked.state, paths, horizon, self.seed, drift)
        return made.returns, asked.basis | {"drift": float(drift)}


@dataclass(eq=False)
class RalphAgent:
    """Strategy patterns. ``strategies`` are the approved records; by default examples of the documented generator."""

    strategies: Sequence[Mapping[str, Any]] | None = None
    device: Device | str = "jax"
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

    def _extract_strategy_features(self, strategy: Mapping[str, Any]) -> dict[str, float]:
        """The nine figures of a record by name, checked as :func:`~thermofab.apps.trading.records.features_of` does."""
        return dict(zip(NAMES, features_of(strategy).tolist()))

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
