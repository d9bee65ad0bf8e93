"""What the parts of one server share."""

import time
from dataclasses import dataclass, field
from typing import Any

from thermofab.apps.serve.access import Access
from thermofab.apps.serve.fabrics import FabricPictures
from thermofab.apps.serve.limits import Limits
from thermofab.apps.serve.manager import ConnectionManager
from thermofab.apps.serve.predictors import Predictor, Progress


@dataclass(frozen=True)
class Site:
    """A server's parts.

    Attributes:
        manager: numbers, keeps and hands out messages.
        access: whom it answers.
        limits: what it allows.
        predictors: what it streams, with how each is doing.
        fabrics: the fabrics that messages name, for drawing.
        started: ``time.monotonic()`` when it began.
    """

    manager: ConnectionManager
    access: Access
    limits: Limits
    predictors: tuple[tuple[Predictor, Progress], ...]
    fabrics: FabricPictures
    started: float = field(default_factory=time.monotonic)

    def topics(self) -> list[str]:
        """Symbols that are streamed or have messages."""
        return sorted({predictor.symbol for predictor, _ in self.predictors} | set(self.manager.topics))

    def heartbeat(self) -> dict[str, Any]:
        """The message that says that the server is alive, and which topics are stale."""
        now = time.monotonic()
        topics = {
            predictor.symbol: {
                "state": progress.state,
                "stale": progress.stale(self.limits, self.started),
                "age_seconds": None if progress.at is None else round(now - progress.at, 3),
            }
            for predictor, progress in self.predictors
        }
        return {"type": "heartbeat", "data": {"head": self.manager.head, "topics": topics}}

    def troubles(self) -> list[str]:
        """Why the server is not ready: topics that have not begun, or fail."""
        return [
            f"{predictor.symbol} is {progress.state}"
            for predictor, progress in self.predictors
            if progress.state in ("waiting", "failing")
        ]
