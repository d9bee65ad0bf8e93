"""broadcast_trm_predictions: predictions into any WebSocket server, by the one method it must have."""

import asyncio
import json
import logging
from typing import Any, Protocol

from thermofab.apps.strategy.predictor import TRMStreamingPredictor

log = logging.getLogger(__name__)


class Broadcasts(Protocol):
    """What ``connection_manager`` must have; :class:`thermofab.apps.serve.ConnectionManager` is one.

    ``broadcast`` gets an envelope ``{"type": "trm_prediction", "data": {…}}``, JSON-ready and free of NaN, and hands it
    to every client. It must not wait for slow clients: the next prediction is made when it returns. It may replace
    ``sequence`` and ``previous`` of a copy. What it raises is logged, and the stream goes on.
    """

    async def broadcast(self, message: dict[str, Any]) -> Any: ...


async def broadcast_trm_predictions(predictor: TRMStreamingPredictor, connection_manager: Broadcasts) -> None:
    """Predict and broadcast every ``predictor.update_interval`` seconds until cancelled.

    A prediction that cannot be made, or that the manager refuses, is logged and left out.

    Args:
        predictor: what predicts.
        connection_manager: where to.
    """
    log.info("event=stream_started symbol=%s interval=%g", predictor.symbol, predictor.update_interval)
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + predictor.update_interval
        data = await predictor.predict_streaming()
        if data is not None:
            try:
                await connection_manager.broadcast({"type": predictor.message_type, "data": data})
            except Exception as error:
                reason = json.dumps(f"{type(error).__name__}: {error}")
                log.exception("event=broadcast_failed symbol=%s reason=%s", predictor.symbol, reason)
        await asyncio.sleep(max(0.0, due - loop.time()))
