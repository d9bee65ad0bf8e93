"""Predictors: what makes messages, off the event loop, and the task that streams them."""

import asyncio
import datetime
import logging
import time
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from thermofab.apps.serve.limits import Limits
from thermofab.apps.serve.manager import ConnectionManager
from thermofab.apps.serve.messages import MessageError, error_message
from thermofab.apps.serve.sources import Row, Source

log = logging.getLogger(__name__)


class Predictor(Protocol):
    """A stream of payloads about one symbol.

    Attributes:
        symbol: the topic of its messages.
        message_type: the type of the envelopes that they go into.
    """

    @property
    def symbol(self) -> str: ...

    @property
    def message_type(self) -> str: ...

    async def next(self) -> dict[str, Any] | None:
        """The data of the next message, when there is one; ``None`` at the end. Must not block the event loop."""
        ...

    def resume(self, data: dict[str, Any]) -> None:
        """Called before the first :meth:`next` with the data of the symbol's newest message in the journal."""
        ...


class Model(Protocol):
    """What turns rows into payloads. Its methods block, and are called one at a time."""

    @property
    def message_type(self) -> str: ...

    def observe(self, row: Row) -> None:
        """Take a row in, cheaply."""
        ...

    def predict(self) -> dict[str, Any] | None:
        """The payload after the rows so far; ``None`` while there are too few."""
        ...


class SourcePredictor:
    """A predictor that runs a model on the rows of a source, in a thread pool.

    Rows up to the day ``as_of`` of the newest message in the journal are observed and not published again.

    Args:
        source: the rows.
        model: what is run on them.
        pool: where it runs.
    """

    def __init__(self, source: Source, model: Model, pool: Executor) -> None:
        self._source, self._model, self._pool = source, model, pool
        self._rows: AsyncIterator[Row] | None = None
        self._known: datetime.date | None = None
        self._seen: datetime.date | None = None

    @property
    def symbol(self) -> str:
        return self._source.symbol

    @property
    def message_type(self) -> str:
        return self._model.message_type

    def resume(self, data: dict[str, Any]) -> None:
        if "as_of" in data:
            self._known = datetime.date.fromisoformat(data["as_of"])

    async def next(self) -> dict[str, Any] | None:
        if self._rows is None:
            self._rows = self._source.rows(self._known if self._seen is None else self._seen)
        try:
            return await self._from(self._rows)
        except Exception:
            self._rows = None  # a source that failed begins again; rows that the model has seen are passed over
            raise

    async def _from(self, rows: AsyncIterator[Row]) -> dict[str, Any] | None:
        loop = asyncio.get_running_loop()
        async for row in rows:
            if self._seen is not None and row.date <= self._seen:
                continue
            self._seen = row.date
            if self._known is not None and row.date <= self._known:
                await loop.run_in_executor(self._pool, self._model.observe, row)
                continue
            payload = await loop.run_in_executor(self._pool, self._step, row)
            if payload is not None:
                return payload
        return None

    def _step(self, row: Row) -> dict[str, Any] | None:
        self._model.observe(row)
        return self._model.predict()


@dataclass
class Progress:
    """How a predictor is doing; ``at`` is the time of its newest message, by ``time.monotonic()``."""

    state: Literal["waiting", "running", "failing", "ended"] = "waiting"
    at: float | None = None

    def stale(self, limits: Limits, started: float) -> bool:
        return time.monotonic() - (started if self.at is None else self.at) > limits.stale_seconds


async def stream(
    predictor: Predictor, manager: ConnectionManager, limits: Limits | None = None, progress: Progress | None = None
) -> None:
    """Send all that ``predictor`` makes until it ends. What fails is counted, told to clients and tried again."""
    limits, progress = limits or Limits(), progress or Progress()
    pause = limits.retry_seconds
    while True:
        try:
            data = await predictor.next()
            if data is None:
                progress.state = "ended"
                log.info("predictor ended", extra={"symbol": predictor.symbol})
                return
            await manager.broadcast({"type": predictor.message_type, "data": data})
        except MessageError:
            progress.state = "failing"  # counted and told by the manager; the next message may be a good one
        except Exception as error:
            progress.state = "failing"
            manager.metrics.failed.labels(predictor.symbol).inc()
            log.exception("prediction failed", extra={"symbol": predictor.symbol})
            sentence = f"the predictor of {predictor.symbol} failed ({type(error).__name__}); it is tried again."
            await manager.broadcast(error_message("predictor_failed", sentence, predictor.symbol))
            await asyncio.sleep(pause)
            pause = min(60.0, 2 * pause)
        else:
            progress.state, progress.at, pause = "running", time.monotonic(), limits.retry_seconds
