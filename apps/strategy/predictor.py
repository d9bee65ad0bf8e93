"""TRMStreamingPredictor: the model of the documents' integration guide, over a store or the demonstration's days."""

import asyncio
import datetime
import json
import logging
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from thermofab.apps.serve.prediction import PREDICTION
from thermofab.apps.strategy.checkpoint import StrategyModel, load_strategy_model
from thermofab.apps.strategy.drift import DriftMonitor
from thermofab.apps.strategy.names import FEATURES
from thermofab.apps.strategy.observations import Observation, Observations, StoreObservations
from thermofab.apps.strategy.payload import checked_features, payload_of
from thermofab.apps.strategy.planner import Planner
from thermofab.apps.strategy.threads import one_thread
from thermofab.hw.spec import SpecError
from thermofab.models.trm.normaliser import Normaliser

log = logging.getLogger(__name__)
_PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".bin", ".joblib", ".npy", ".npz")


class TRMStreamingPredictor:
    """Predicts from features, once or in a stream.

    It is a :class:`thermofab.apps.serve.predictors.Predictor` too, so a server streams it as it is.

    Args:
        update_interval: seconds between predictions of a stream.
        model_path: a model of ``thermofab strategy train``; by default the demonstration model, trained once.
        normalization_path: JSON ``{"mean": [10 numbers], "std": [10 numbers]}`` in place of the model's own.
        observations: where :meth:`extract_features` looks; by default the store ``data/historical_market.db`` if there
            is one, else the demonstration's days, replayed.
        symbol: what messages are about.
        timeout: seconds that extraction may take.
        history: predictions kept.
        planner: makes a plan for every message.
        drift: looks for drift of the features, and says so in every message.
        model: a model at hand, in place of ``model_path``.

    Attributes:
        model: the model.
        history: the newest predictions, oldest first; at most ``history`` of them.

    Raises:
        SpecError: a number outside its range, a pickle, or a file that is not what it should be.
    """

    message_type = PREDICTION.type

    def __init__(
        self,
        update_interval: float = 60,
        model_path: str | Path | None = None,
        normalization_path: str | Path | None = None,
        *,
        observations: Observations | None = None,
        symbol: str = "SPY",
        timeout: float = 30.0,
        history: int = 1000,
        planner: Planner | None = None,
        drift: DriftMonitor | None = None,
        model: StrategyModel | None = None,
    ) -> None:
        for name, value in {"update_interval": update_interval, "timeout": timeout, "history": history}.items():
            if not value > 0:
                raise SpecError(f"{name} must be above 0, got {value!r}.")
        if model is not None and model_path is not None:
            raise SpecError("give a model or a model_path, not both.")
        self.update_interval, self.timeout, self.symbol = float(update_interval), float(timeout), symbol
        self.model = _normalised_by(_loaded(model, model_path), normalization_path)
        self.history: deque[dict[str, Any]] = deque(maxlen=int(history))
        self._observations, self._planner, self._drift = observations, planner, drift
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="extract")
        self._under_way: Future[Observation | None] | None = None
        self._lock = threading.Lock()
        self._sequence, self._due = 0, 0.0
        self._newest: Observation | None = None

    def predict(
        self, features: object, *, as_of: datetime.date | None = None, price: float | None = None, stale: bool = False
    ) -> dict[str, Any]:
        """The data of one message.

        Args:
            features: ten raw numbers in the order of :data:`~thermofab.apps.strategy.names.FEATURES`; NaN or ``None``
                where one is absent, which ``feature_mask`` then says.
            as_of: their day.
            price: the symbol's close on it.
            stale: whether a newer day should be there.

        Raises:
            SpecError: not ten numbers, an infinite one, or none that is known.
        """
        begun = time.perf_counter()
        raw = checked_features(features)
        with one_thread():
            probabilities, halting, normalised = self.model.probabilities(raw[None])
        with self._lock:  # a stream predicts on one thread while its owner may call this on another
            self._sequence += 1
            number = self._sequence
            made = payload_of(self.model, raw, probabilities[0], float(halting[0]), normalised[0]) | {
                "sequence": number,
                "previous": number - 1,
                "symbol": self.symbol,
                "stale": stale,
                "mock": self._observations is not None and self._observations.kind == "mock",
            }
            if as_of is not None:
                made["as_of"] = as_of.isoformat()
            if price is not None:
                made["price"] = float(price)
            if self._drift is not None:
                self._drift.see(np.where(np.isnan(raw), np.nan, normalised[0]))
                made["drift"] = self._drift.to_message()
            if self._planner is not None:
                made["plan"] = self._planner.plan(self.symbol, probabilities[0], seed=number).to_message()
            self.history.append(made)
        log.info(
            "event=prediction symbol=%s sequence=%d strategy=%s confidence=%.4f halt=%.4f absent=%d milliseconds=%.1f",
            self.symbol, number, made["strategy_name"], made["confidence"], made["halt_probability"],
            int(np.isnan(raw).sum()), 1000 * (time.perf_counter() - begun),
        )  # fmt: skip
        return made

    async def extract_features(self) -> np.ndarray | None:
        """Raw features of the newest day, float64 ``[10]``, NaN where absent; ``None`` if there are none, if looking
        them up fails, or if it takes longer than ``timeout``. The log says which."""
        try:
            observation = await self._observed()
        except Exception as error:
            log.warning("event=extraction_failed symbol=%s reason=%s", self.symbol, json.dumps(_reason(error)))
            return None
        return None if observation is None else observation.features

    async def predict_streaming(self) -> dict[str, Any] | None:
        """Extract and predict, off the event loop; ``None`` where :meth:`extract_features` gives none."""
        features = await self.extract_features()
        if features is None or self._newest is None:
            return None
        return await asyncio.to_thread(self._predict, self._newest)

    async def next(self) -> dict[str, Any] | None:
        """A prediction every ``update_interval`` seconds; ``None`` at the end of a replay.

        Raises:
            TimeoutError: extraction takes longer than ``timeout``; what else it raises is passed on.
        """
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._due - loop.time()))
        self._due = loop.time() + self.update_interval
        observation = await self._observed()
        return None if observation is None else await asyncio.to_thread(self._predict, observation)

    def resume(self, data: dict[str, Any]) -> None:
        """Go on numbering after a message that was sent before."""
        self._sequence = max(self._sequence, int(data.get("sequence", 0)))

    def close(self) -> None:
        """Let go of the thread; an extraction under way is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _observed(self) -> Observation | None:
        # One that is late is waited for again rather than started a second time beside it.
        if self._under_way is None:
            self._under_way = self._pool.submit(self._look)
        waited = self._under_way
        try:
            self._newest = await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(waited)), self.timeout)
        except TimeoutError:
            if not waited.done():
                raise TimeoutError(f"extraction takes longer than {self.timeout:g} s") from None
            self._under_way = None
            raise
        except Exception:
            self._under_way = None
            raise
        self._under_way = None
        return self._newest

    def _look(self) -> Observation | None:
        if self._observations is None:
            self._observations = _default_observations(self.model)
        return self._observations.latest()

    def _predict(self, seen: Observation) -> dict[str, Any]:
        made = self.predict(seen.features, as_of=seen.as_of, price=seen.price, stale=seen.stale)
        if self._observations is not None:
            made["source"] = {"kind": self._observations.kind, "name": self._observations.name}
        return made


def _loaded(model: StrategyModel | None, path: str | Path | None) -> StrategyModel:
    if model is not None:
        return model
    if path is None:
        from thermofab.apps.strategy.demo_model import demo_model

        made = demo_model()
        log.info("event=model_loaded name=%s hash=%s", json.dumps(made.about.get("name", "")), made.digest)
        return made
    made = load_strategy_model(path)
    log.info("event=model_loaded file=%s hash=%s", json.dumps(Path(path).name), made.digest)
    return made


def _normalised_by(model: StrategyModel, path: str | Path | None) -> StrategyModel:
    """The model with the normaliser of a file; its digest is another then."""
    if path is None:
        return model
    file = Path(path)
    if file.suffix in _PICKLES:
        raise SpecError(
            f"{file.name} is a pickle or may hold one, which can run code when it is read; a normalisation is JSON: "
            '{"mean": [ten numbers], "std": [ten numbers]}.'
        )
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        mean, deviation = (tuple(float(value) for value in kept[name]) for name in ("mean", "std"))
    except OSError:
        raise SpecError(f"there is no file {file}.") from None
    except (ValueError, KeyError, TypeError):
        raise SpecError(f'{file.name} is no normalisation, {{"mean": [ten numbers], "std": [ten numbers]}}.') from None
    if len(mean) != len(FEATURES) or len(deviation) != len(FEATURES):
        raise SpecError(f"{file.name} has {len(mean)} means and {len(deviation)} deviations; both are {len(FEATURES)}.")
    log.info("event=normalization_loaded file=%s", json.dumps(file.name))
    normaliser = Normaliser(mean, deviation, model.normaliser.limit)
    return StrategyModel(model.model, normaliser, model.temperature, model.config, model.about)


def _default_observations(model: StrategyModel) -> Observations:
    from thermofab.apps.market.store import DEFAULT_STORE

    if DEFAULT_STORE.exists():
        return StoreObservations(DEFAULT_STORE, model.config.features)
    from thermofab.apps.strategy.demo_rows import demo_observations

    log.info("event=no_store path=%s", DEFAULT_STORE)
    return demo_observations()


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
