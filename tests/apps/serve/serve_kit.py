"""A payload, a predictor that says what a test tells it to, and a client that checks all it reads."""

import asyncio
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from thermofab.apps.serve.access import Access
from thermofab.apps.serve.app import create_app
from thermofab.apps.serve.journal import Journal
from thermofab.apps.serve.limits import Limits
from thermofab.apps.serve.messages import CONTROL, Kinds
from thermofab.apps.serve.prediction import PREDICTION, STRATEGIES
from thermofab.apps.serve.server import Serving, serving

KINDS = Kinds((*CONTROL, PREDICTION))


def payload(**changes: Any) -> dict[str, Any]:
    """The data of a prediction as a predictor makes it."""
    probabilities = dict.fromkeys(STRATEGIES, 0.1) | {"growth": 0.3}
    absent = [k >= 6 for k in range(10)]
    data = {
        "timestamp": "2026-01-05T16:00:00.000",
        "strategy_id": 4,
        "strategy_name": "growth",
        "confidence": 0.3,
        "probabilities": probabilities,
        "raw_features": [None if gone else 0.5 for gone in absent],
        "normalized_features": [None if gone else -0.5 for gone in absent],
        "feature_mask": absent,
        "halt_probability": 0.25,
        "model_metadata": {"recursion_cycles": 3, "latent_steps": 6, "effective_depth": 42, "model_hash": "0" * 64},
        "schema_version": "1.0",
        "symbol": "SPY",
        "stale": False,
        "mock": True,
    }
    return data | changes


def numbered(**changes: Any) -> dict[str, Any]:
    """A whole message as a server sends it."""
    return {"type": "trm_prediction", "data": payload(sequence=1, previous=0) | changes}


class Told:
    """A predictor that hands out what :meth:`say` is given, or raises it."""

    message_type = "trm_prediction"

    def __init__(self, symbol: str = "SPY") -> None:
        self.symbol = symbol
        self.resumed: dict[str, Any] | None = None
        self._said: list[Any] = []
        self._lock = threading.Lock()

    def say(self, *items: Any) -> None:
        with self._lock:
            self._said += items

    def resume(self, data: dict[str, Any]) -> None:
        self.resumed = data

    async def next(self) -> dict[str, Any] | None:
        while not self._said:
            await asyncio.sleep(0.002)
        with self._lock:
            item = self._said.pop(0)
        if isinstance(item, Exception):
            raise item
        return item


@contextmanager
def server_of(
    folder: Path, *predictors: Told, access: Access | None = None, keep: int = 10_000, **limits: Any
) -> Iterator[Serving]:
    """A server on a free port with a journal in ``folder``."""
    options: dict[str, Any] = {"heartbeat_seconds": 30.0, "retry_seconds": 0.05} | limits
    allowed = Limits(**options)
    app = create_app(predictors, Journal(folder / "journal.sqlite", keep), access=access, limits=allowed)
    with serving(app, limits=allowed) as server:
        yield server


def open_socket(server: Serving, client: str = "tester", query: str = "", **options: Any) -> ClientConnection:
    return connect(f"{server.ws}/{client}{query}", open_timeout=20, **options)


def read(socket: ClientConnection, seconds: float = 20) -> dict[str, Any]:
    """The next message, which must be what its schema says."""
    message = json.loads(socket.recv(seconds))
    KINDS.encode(message)
    return message


def predictions(socket: ClientConnection, count: int) -> list[int]:
    """Sequence numbers of the next ``count`` predictions; other messages are passed over."""
    found: list[int] = []
    while len(found) < count:
        message = read(socket)
        if message["type"] == "trm_prediction":
            found.append(message["data"]["sequence"])
    return found


def get(server: Serving, path: str, **headers: str) -> tuple[int, Any]:
    """Status and body of a GET; JSON is read."""
    request = urllib.request.Request(server.url + path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            status, body = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, body = error.code, error.read().decode()
    return status, json.loads(body) if body.startswith("{") else body


def counted(server: Serving, name: str, **labels: str) -> float:
    return server.app.state.site.manager.metrics.value(f"thermofab_serve_{name}", **labels)
