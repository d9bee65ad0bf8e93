"""A strategy model on a stream of rows: what ``thermofab serve`` runs for every symbol.

Predictions are also judged: once the horizon has passed, the best strategy by the model's own labels is known, and
counts of hits travel in the messages beside those of always naming the outcome that was most frequent.
"""

from collections import deque
from typing import Any, NamedTuple

import numpy as np

from thermofab.apps.serve.prediction import PREDICTION
from thermofab.apps.serve.sources import Row, SourceKind
from thermofab.apps.strategy.checkpoint import StrategyModel
from thermofab.apps.strategy.drift import DriftMonitor
from thermofab.apps.strategy.names import STRATEGIES
from thermofab.apps.strategy.outcomes import best, paths, profits_of, utilities_of
from thermofab.apps.strategy.payload import payload_of
from thermofab.apps.strategy.planner import Planner
from thermofab.apps.strategy.threads import one_thread
from thermofab.apps.strategy.window import RowWindow


class _Call(NamedTuple):
    """What was predicted on a day."""

    day: int
    strategy: int
    confidence: float


class StrategyRows:
    """A :class:`thermofab.apps.serve.predictors.Model`.

    Args:
        model: a trained model.
        symbol: of what the rows are; its close stands in SPY's place.
        kind, source: where the rows come from, as messages say it.
        planner: makes a plan for every message; none if left out.
        drift: looks for drift; none if left out.
    """

    message_type = PREDICTION.type

    def __init__(
        self,
        model: StrategyModel,
        symbol: str,
        kind: SourceKind,
        source: str,
        planner: Planner | None = None,
        drift: DriftMonitor | None = None,
    ) -> None:
        self._model, self._symbol, self._planner, self._drift = model, symbol, planner, drift
        self._kind, self._source = kind, source
        self._horizon = model.config.strategies.horizon_days
        self._window = RowWindow(model.config.features, self._horizon)
        self._calls: deque[_Call] = deque()
        self._outcomes = np.zeros(len(STRATEGIES), dtype=np.int64)
        self._day, self._hits = 0, 0
        self._payload: dict[str, Any] | None = None

    def observe(self, row: Row) -> None:
        """Take in a day: predict after its close, and judge the prediction of a horizon before."""
        self._window.add(row.date, row.values)
        self._day += 1
        self._judge()
        self._payload = None
        if not self._window.ready:
            return
        raw = self._window.features()
        with one_thread():
            probabilities, halting, normalised = self._model.probabilities(raw[None])
        payload = payload_of(self._model, raw, probabilities[0], float(halting[0]), normalised[0])
        self._calls.append(_Call(self._day, payload["strategy_id"], payload["confidence"]))
        if self._drift is not None:
            self._drift.see(np.where(np.isnan(raw), np.nan, normalised[0]))
        self._payload = payload

    def predict(self) -> dict[str, Any] | None:
        """The payload after the newest day; ``None`` while the windows are not full."""
        if self._payload is None:
            return None
        payload = self._payload | {
            "symbol": self._symbol,
            "stale": False,
            "mock": self._kind == "mock",
            "as_of": self._window.date.isoformat(),
            "price": self._window.close,
            "source": {"kind": self._kind, "name": self._source},
            "realised": self._realised(),
        }
        if self._drift is not None:
            payload["drift"] = self._drift.to_message()
        if self._planner is not None:
            probabilities = np.array([payload["probabilities"][name] for name in STRATEGIES])
            payload["plan"] = self._planner.plan(self._symbol, probabilities, seed=self._day).to_message()
        return payload

    def _judge(self) -> None:
        if not self._calls or self._calls[0].day + self._horizon > self._day:
            return
        call = self._calls.popleft()
        values = paths(self._window.panel(self._horizon + 1), self._model.config.strategies)[:1]
        by_utility = self._model.config.training.labels == "utility"
        aversion = self._model.config.strategies.risk_aversion
        outcome = int(best(utilities_of(values, aversion) if by_utility else profits_of(values))[0][0])
        if outcome < 0:
            return  # a price that the strategies need is not known, or all did equally well
        self._outcomes[outcome] += 1
        self._hits += outcome == call.strategy
        if self._drift is not None:
            self._drift.judge(call.confidence, outcome == call.strategy)

    def _realised(self) -> dict[str, Any]:
        kind = self._model.config.training.labels
        return {
            "hits": int(self._hits),
            "count": int(self._outcomes.sum()),
            "baseline_hits": int(self._outcomes.max()),
            "horizon_days": self._horizon,
            "definition": f"A hit names the strategy that was best by {kind} over the next {self._horizon} trading "
            "days.",
        }
