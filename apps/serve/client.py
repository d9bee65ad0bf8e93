"""One connected client: a bounded queue, and the loop that empties it."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from thermofab.apps.serve.limits import Limits
from thermofab.apps.serve.messages import Encoded
from thermofab.apps.serve.metrics import Metrics


class Client:
    """What waits for a client, and how it takes it.

    Args:
        name: the client's id.
        send: sends one ASGI event; waits while the connection takes no more.
        abort: ends the connection at once, with whatever is unsent.
        topics: what it wants; empty for everything.
        limits: of the server.
        metrics: where drops and times are counted.
    """

    def __init__(
        self,
        name: str,
        send: Callable[[dict[str, Any]], Awaitable[None]],
        abort: Callable[[], None],
        topics: frozenset[str],
        limits: Limits,
        metrics: Metrics,
    ) -> None:
        self.name, self.topics, self.abort = name, topics, abort
        self._send, self._limits, self._metrics = send, limits, metrics
        self._queue: deque[Encoded] = deque()
        self._wake = asyncio.Event()
        self._sending_since: float | None = None
        self._dropped = 0

    def wants(self, message: Encoded) -> bool:
        return not self.topics or not message.topic or message.topic in self.topics

    def offer(self, message: Encoded) -> None:
        """Queue a message; never waits. When the queue is full the oldest message is dropped."""
        if not self.wants(message):
            return
        if len(self._queue) >= self._limits.queue:
            self._queue.popleft()
            self._dropped += 1
            self._metrics.dropped.inc()
        self._queue.append(message)
        self._wake.set()

    def too_slow(self, now: float) -> str | None:
        """Why the client is to be cut off at ``now`` (``time.perf_counter()``), if it is."""
        if self._sending_since is not None and now - self._sending_since > self._limits.stall_seconds:
            return "stalled"
        return "drops" if self._dropped > self._limits.drops else None

    async def send(self, message: Encoded) -> None:
        """Send past the queue. Only before :meth:`drain` runs, or from it."""
        self._sending_since = time.perf_counter()
        try:
            await self._send(message.event)
        finally:
            self._sending_since = None
        self._metrics.sent.inc()

    async def drain(self) -> None:
        """Send what is queued, in order, for ever."""
        while True:
            while self._queue:
                message = self._queue.popleft()
                await self.send(message)
                if message.sequence:
                    self._metrics.lag.observe(time.perf_counter() - message.at)
            self._wake.clear()
            await self._wake.wait()
