"""The demonstration: a moving-average rule in place of a model, and a plan sampled on a small fabric.

Nothing here is trained. Probabilities are a soft-max of fixed linear functions of trend and volatility; every message
says ``mock``. What is real: prices, the features computed from them, the samples of the plan on a device, and the
count of hits.
"""

import datetime
import hashlib
import math
from collections import deque
from typing import Any

import numpy as np

from thermofab.apps.serve.prediction import PREDICTION, SCHEMA_VERSION, STRATEGIES
from thermofab.apps.serve.sources import Row, SourceKind
from thermofab.hw.spec import IsingModel, Program, Schedule, fabric, open_device

# One row a strategy: constant, weight of the trend, weight of the volatility (both standardised).
_RULE = np.array(
    [
        [-0.6, -1.5, 0.9],
        [-0.2, -0.9, 0.4],
        [0.2, -0.3, -0.1],
        [0.4, 0.3, -0.4],
        [0.2, 0.8, -0.6],
        [-0.3, 1.4, -0.5],
        [-0.7, -0.8, 0.8],
        [-0.8, 0.0, 0.9],
    ]
)
_DEFENSIVE = 3  # strategies below this one expect no gain
_WARM_UP, _YEAR, _HORIZON = 60, 250, 5
_FEATURES = 10
_RETURN_5, _RETURN_20 = 1, 2
_DEFINITION = "Defensive calls count as hits when the next five days lost, all others when they gained."


class Plan:
    """Invested or not on each of the next 16 days: a chain of spins, sampled on a fabric.

    Args:
        device: where it is sampled.
        replicas: chains that run side by side.
    """

    fabric = "g4-4x4"
    days = 16
    _stiffness = 0.7  # what a change of mind costs, in units of the temperature

    def __init__(self, device: str, replicas: int = 64) -> None:
        from thermofab.compiler import compile

        self.device, self.replicas = device, replicas
        edges = np.array([[k, k + 1] for k in range(self.days - 1)], dtype=np.int32)
        self._model = IsingModel(
            tuple(range(self.days)), np.zeros(self.days), edges, np.full(self.days - 1, self._stiffness)
        )
        spec = fabric(self.fabric)
        self._program: Program = compile(self._model, spec, seed=0)
        self._device = open_device(device, spec)

    def sample(self, trend: float, seed: int) -> dict[str, Any]:
        """The message's ``plan`` for a standardised trend, which counts for less the further ahead a day is."""
        fields = 0.5 * math.tanh(trend) * np.exp(-np.arange(self.days) / 8)
        program = self._program.with_weights(biases=fields)
        samples = program.sample(Schedule(20, 4, 5), replicas=self.replicas, seed=seed, device=self._device)
        days = samples.node_states.reshape(-1, self.days)
        sites = samples.sites.reshape(len(days), -1)
        return {
            "device": self.device,
            "fabric": self.fabric,
            "replicas": self.replicas,
            "spins": sites[:: max(1, len(sites) // 8)][:8].astype(int).tolist(),
            "marginals": sites.mean(axis=0).round(4).tolist(),
            "allocation": [
                {"label": f"day +{k + 1}", "probability": round(float(p), 4)} for k, p in enumerate(days.mean(axis=0))
            ],
            "spread": round(float(days.mean(axis=1).std()), 4),
        }


class MovingAverageRule:
    """A :class:`thermofab.apps.serve.predictors.Model` without a model in it.

    Args:
        symbol: of what the rows are.
        kind, source: where the rows come from, as the messages say it.
        plan: samples a plan for every prediction; none if left out.
    """

    message_type = PREDICTION.type

    def __init__(self, symbol: str, kind: SourceKind, source: str, plan: Plan | None = None) -> None:
        self._symbol, self._source, self._plan = symbol, {"kind": kind, "name": source}, plan
        self._closes: deque[float] = deque(maxlen=_YEAR + 21)
        self._calls: deque[tuple[int, float, bool]] = deque()  # day, close, whether a gain was expected
        self._day, self._date = 0, datetime.date.min
        self._hits, self._gains, self._judged = 0, 0, 0
        self._hash = hashlib.sha256(_RULE.tobytes()).hexdigest()

    def observe(self, row: Row) -> None:
        """Take in a day's close; judge the call of five days before."""
        self._day, self._date = self._day + 1, row.date
        self._closes.append(row.values.get("adj close", row.values.get("close", math.nan)))
        while self._calls and self._calls[0][0] + _HORIZON <= self._day:
            _, close, expected = self._calls.popleft()
            gained = self._closes[-1] > close
            self._judged += 1
            self._gains += gained
            self._hits += gained == expected
        if self._day >= _WARM_UP:
            self._calls.append((self._day, self._closes[-1], int(np.argmax(self._probabilities())) >= _DEFENSIVE))

    def predict(self) -> dict[str, Any] | None:
        """The payload after the newest day; ``None`` in the first sixty."""
        if self._day < _WARM_UP:
            return None
        probabilities, (trend, _) = self._probabilities(), self._signals()
        best = int(np.argmax(probabilities))
        closes = np.array(self._closes)
        raw: list[float | None] = [None] * _FEATURES
        normalised: list[float | None] = [None] * _FEATURES
        for place, days in ((_RETURN_5, 5), (_RETURN_20, 20)):
            known = closes[days:] / closes[:-days] - 1
            raw[place] = float(known[-1])
            normalised[place] = float((known[-1] - known.mean()) / max(known.std(), 1e-9))
        payload: dict[str, Any] = {
            "timestamp": datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
            "strategy_id": best,
            "strategy_name": STRATEGIES[best],
            "confidence": float(probabilities[best]),
            "probabilities": dict(zip(STRATEGIES, probabilities.tolist())),
            "raw_features": raw,
            "normalized_features": normalised,
            "feature_mask": [value is None for value in raw],
            "halt_probability": float(1 / (1 + math.exp(1.5 - abs(trend)))),
            "model_metadata": {
                "recursion_cycles": 0,
                "latent_steps": 0,
                "effective_depth": 0,
                "model_hash": self._hash,
                "name": "moving-average rule (untrained)",
            },
            "schema_version": SCHEMA_VERSION,
            "symbol": self._symbol,
            "stale": False,
            "mock": True,
            "as_of": self._date.isoformat(),
            "price": float(closes[-1]),
            "source": self._source,
            "realised": {
                "hits": self._hits,
                "count": self._judged,
                "baseline_hits": max(self._gains, self._judged - self._gains),
                "horizon_days": _HORIZON,
                "definition": _DEFINITION,
            },
            "drift": {"features": self._drifting(), "calibration": False},
        }
        if self._plan is not None:
            payload["plan"] = self._plan.sample(trend, seed=self._day)
        return payload

    def _signals(self) -> tuple[float, float]:
        """Trend (20-day mean over 60-day mean, in units of its usual size) and volatility (a month's over a year's)."""
        closes = np.array(self._closes)
        steps = np.diff(np.log(closes))
        usual = max(float(steps.std()), 1e-9)
        trend = math.log(closes[-20:].mean() / closes[-60:].mean()) / (usual * math.sqrt(20))
        return trend, math.log(max(float(steps[-20:].std()), 1e-9) / usual)

    def _probabilities(self) -> np.ndarray:
        trend, volatility = self._signals()
        scores = _RULE @ np.array([1.0, trend, 2 * volatility])
        weights = np.exp(scores - scores.max())
        return weights / weights.sum()

    def _drifting(self) -> list[str]:
        """Whether the last 60 days' returns are unlike the year's, by four standard errors."""
        steps = np.diff(np.log(np.array(self._closes)))
        if len(steps) < _YEAR:
            return []
        apart = abs(steps[-60:].std() - steps.std()) / (steps.std() / math.sqrt(2 * 60))
        return ["spy_returns_5d", "spy_returns_20d"] if apart > 4 else []
