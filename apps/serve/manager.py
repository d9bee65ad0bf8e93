"""The connection manager: numbers messages, writes them to the journal, and hands them to every client."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from thermofab.apps.serve.client import Client
from thermofab.apps.serve.journal import Journal
from thermofab.apps.serve.limits import Limits
from thermofab.apps.serve.messages import Encoded, Kind, Kinds, MessageError, error_message
from thermofab.apps.serve.metrics import Metrics

log = logging.getLogger(__name__)
T = TypeVar("T")


class ConnectionManager:
    """``await manager.broadcast(message)`` is all that a predictor needs to know of a server.

    A message of a journalled kind is checked against its schema, given its ``sequence`` (1, 2, 3, … over the whole
    journal) and ``previous`` (the sequence of its symbol's message before), committed to disk, and only then queued
    for clients. Checking, encoding and committing run on one thread beside the event loop, so that messages keep
    their order and no client waits for a disk.

    Args:
        journal: where messages are kept.
        kinds: the types of message that may be sent.
        limits: of the server.
        metrics: counters; its own if left out.
    """

    def __init__(self, journal: Journal, kinds: Kinds, limits: Limits, metrics: Metrics | None = None) -> None:
        self.journal, self.kinds, self.limits = journal, kinds, limits
        self.metrics = metrics or Metrics()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._open: set[Client] = set()  # every connection; those that have caught up are live
        self._live: set[Client] = set()
        self._acks: dict[str, int] = {}
        newest = journal.newest(limits.recent)
        self._recent = deque((Encoded(text, n, topic, 0.0) for n, topic, text in newest), limits.recent)
        self._last = journal.topics()
        self._listeners: list[Callable[[Mapping[str, Any]], None]] = []
        self._turn = asyncio.Lock()
        self.head = journal.head
        self.metrics.head.set(self.head)

    @property
    def clients(self) -> int:
        """Connections that are open."""
        return len(self._open)

    @property
    def topics(self) -> list[str]:
        """Symbols that have messages."""
        return sorted(self._last)

    def listen(self, listener: Callable[[Mapping[str, Any]], None]) -> None:
        """Call ``listener`` with the data of every message that is published."""
        self._listeners.append(listener)

    async def on_journal_thread(self, call: Callable[..., T], *arguments: Any) -> T:
        """Run a call that uses the journal, after those before it."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)

    async def broadcast(self, message: dict[str, Any]) -> int:
        """Send a message to every client.

        Args:
            message: ``{"type": …, "data": {…}}``. ``sequence`` and ``previous`` of its data are set here; what the
                caller put there is replaced. The dictionary itself is not changed.

        Returns:
            its sequence number, 0 for kinds that are not journalled. When this returns the message is on disk and in
            every client's queue; a slow client is never waited for.

        Raises:
            MessageError: it is not what its schema says. It has been counted, clients have been told by an ``error``
                message, and the server goes on.
        """
        try:
            kind = self.kinds.of(message)
            if not kind.journalled:
                self._hand_out(Encoded(self.kinds.encode(message), 0, "", time.perf_counter()))
                return 0
            # Shielded: a message that is on its way to the disk is numbered, whoever stops waiting for it.
            return await asyncio.shield(asyncio.ensure_future(self._in_turn(kind, message)))
        except MessageError as error:
            self.metrics.refused.labels(error.code).inc()
            log.warning("message refused", extra={"code": error.code, "sentence": str(error)})
            said = error_message("refused_message", str(error))
            self._hand_out(Encoded(self.kinds.encode(said), 0, "", time.perf_counter()))
            raise

    async def _in_turn(self, kind: Kind, message: Mapping[str, Any]) -> int:
        async with self._turn:
            return await self._publish(kind, message)

    async def _publish(self, kind: Kind, message: Mapping[str, Any]) -> int:
        at, data = time.perf_counter(), message["data"]
        topic = data.get("symbol") if isinstance(data, Mapping) else None
        if not isinstance(topic, str) or not topic:
            raise MessageError("schema", f"a {kind.type} message is refused: its data name no symbol.")
        sequence = self.head + 1
        numbered = {**message, "data": {**data, "sequence": sequence, "previous": self._last.get(topic, 0)}}
        acks, self._acks = self._acks, {}
        try:
            text = await self.on_journal_thread(self._write, numbered, sequence, topic, kind.type, acks)
        except Exception:
            self._acks = acks | self._acks
            raise
        self.head, self._last[topic] = sequence, sequence
        self.metrics.head.set(sequence)
        self.metrics.published.labels(topic).inc()
        self.metrics.journal.observe(time.perf_counter() - at)
        encoded = Encoded(text, sequence, topic, at)
        self._recent.append(encoded)
        self._hand_out(encoded)
        for listener in self._listeners:
            listener(data)
        return sequence

    def _write(self, message: Mapping[str, Any], sequence: int, topic: str, kind: str, acks: Mapping[str, int]) -> str:
        text = self.kinds.encode(message)
        self.journal.append(sequence, topic, kind, text, acks)
        return text

    def _hand_out(self, encoded: Encoded) -> None:
        for client in self._live:
            client.offer(encoded)

    async def start_at(self, client: str, wanted: int | None) -> int:
        """The first sequence number for a client: what it asks for, else what follows its last acknowledgement."""
        if wanted is not None:
            return max(wanted, 1)
        last = max(self._acks.get(client, 0), await self.on_journal_thread(self.journal.acknowledged, client))
        return last + 1 if last else self.head + 1

    def admit(self, client: Client) -> None:
        """Count a connection, before it is accepted; :meth:`detach` ends it."""
        self._open.add(client)
        self.metrics.clients.set(len(self._open))

    async def attach(self, client: Client, first: int) -> None:
        """Bring ``client`` every message from ``first`` on, then those to come, with none missing between."""
        following = first
        while following <= self.head:
            page = self._remembered(following)
            if page is None:
                rows = await self.on_journal_thread(self.journal.read, following, 256)
                # What is on disk and above the head is about to be handed out, and is not to be sent twice.
                page = [Encoded(text, n, topic, 0.0) for n, topic, text in rows if n <= self.head]
            for message in page:
                if client.wants(message):
                    await client.send(message)
            following = page[-1].sequence + 1 if page else self.head + 1
        # Nothing is awaited between the comparison above and this line, so no message falls between.
        self._live.add(client)

    def _remembered(self, first: int) -> list[Encoded] | None:
        if not self._recent or self._recent[0].sequence > first:
            return None
        return list(self._recent)[first - self._recent[0].sequence :]

    def detach(self, client: Client) -> None:
        self._open.discard(client)
        self._live.discard(client)
        self.metrics.clients.set(len(self._open))

    def acknowledge(self, client: str, sequence: int) -> None:
        """Note that a client has dealt with everything up to ``sequence``; on disk within a heartbeat.

        Raises:
            MessageError: no such message has been sent.
        """
        if sequence > self.head:
            raise MessageError("unknown_sequence", f"message {sequence} has not been sent; the newest is {self.head}.")
        self._acks[client] = max(sequence, self._acks.get(client, 0))

    async def flush(self) -> None:
        """Write acknowledgements that wait."""
        acks, self._acks = self._acks, {}
        if acks:
            # Shielded, or a server that stops while this waits would forget what it has taken out.
            await asyncio.shield(self.on_journal_thread(self.journal.acknowledge, acks))

    def evict(self) -> None:
        """Cut off clients that are too slow. They come back where they were by ``from=``."""
        now = time.perf_counter()
        for client in list(self._open):
            reason = client.too_slow(now)
            if reason is not None:
                self.metrics.evicted.labels(reason).inc()
                log.warning("client cut off", extra={"client": client.name, "reason": reason})
                self.detach(client)
                client.abort()

    async def close(self) -> None:
        """Write what waits and close the journal."""
        async with self._turn:
            await self.flush()
            await self.on_journal_thread(self.journal.close)
        self._thread.shutdown()
