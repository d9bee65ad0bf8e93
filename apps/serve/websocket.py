"""The WebSocket: ``/ws/{client_id}?from=SEQ&topic=SYMBOL&token=TOKEN``."""

import asyncio
import logging
import re

from starlette.responses import JSONResponse
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.utils import ClientDisconnected

from thermofab.apps.serve.access import Refusal
from thermofab.apps.serve.client import Client
from thermofab.apps.serve.manager import ConnectionManager
from thermofab.apps.serve.messages import Encoded, MessageError, error_message, read_client
from thermofab.apps.serve.site import Site

log = logging.getLogger(__name__)
_CLIENT = re.compile(r"[A-Za-z0-9._-]{1,64}")
_FROM = re.compile(r"[0-9]{1,15}")
# What the protocol below says of a connection it closed itself: RFC 6455, 7.4.1.
_CLOSED_FOR = {1002: "malformed", 1007: "malformed", 1009: "too_large"}


async def connect(websocket: WebSocket) -> None:
    """One client's connection, from its handshake to its end."""
    site: Site = websocket.app.state.site
    refusal = _refusal(websocket, site)
    if refusal is not None:
        site.manager.metrics.refused.labels(refusal.code).inc()
        log.warning("connection refused", extra={"code": refusal.code})
        said = error_message(refusal.code, refusal.sentence)
        await websocket.send_denial_response(JSONResponse(said, refusal.status))
        return
    name, wanted = websocket.path_params["client_id"], websocket.query_params.get("from")
    abort = websocket.scope["state"]["abort"]
    topics = frozenset(websocket.query_params.getlist("topic"))
    client = Client(name, websocket.send, abort, topics, site.limits, site.manager.metrics)
    site.manager.admit(client)
    try:
        await websocket.accept()
        await _converse(websocket, client, site, None if wanted is None else int(wanted))
    finally:
        site.manager.detach(client)


async def _converse(websocket: WebSocket, client: Client, site: Site, wanted: int | None) -> None:
    """Send and listen until either ends."""
    sending = asyncio.create_task(_bring(client, site, wanted))
    listening = asyncio.create_task(_listen(websocket, client, site.manager))
    try:
        await asyncio.wait({sending, listening}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, listening):
            task.cancel()
        for ended in await asyncio.gather(sending, listening, return_exceptions=True):
            if isinstance(ended, Exception) and not isinstance(ended, WebSocketDisconnect | ClientDisconnected):
                log.error("connection failed", exc_info=ended, extra={"client": client.name})


def _refusal(websocket: WebSocket, site: Site) -> Refusal | None:
    found = site.access.foreign(websocket) or site.access.unknown(websocket)
    if found is not None:
        return found
    if not _CLIENT.fullmatch(websocket.path_params["client_id"]):
        return Refusal(400, "bad_client_id", "a client id is 1 to 64 letters, digits, dots, dashes and underscores.")
    if not _FROM.fullmatch(websocket.query_params.get("from", "0")):
        return Refusal(400, "bad_sequence", "from is a sequence number, e.g. from=17.")
    if site.manager.clients >= site.limits.clients:
        return Refusal(503, "too_many_clients", "the server has as many connections as it takes; try again later.")
    return None


async def _bring(client: Client, site: Site, wanted: int | None) -> None:
    """Greeting, what the client missed, then what comes."""
    manager = site.manager
    first = await manager.start_at(client.name, wanted)
    oldest, head = manager.journal.oldest, manager.head
    begin = max(first, oldest, 1) if first <= head else head + 1
    greeting = {
        "journal": manager.journal.identity,
        "oldest": oldest,
        "head": head,
        "from": begin,
        "topics": site.topics(),
        "heartbeat_seconds": site.limits.heartbeat_seconds,
    }
    await client.send(_message(manager, {"type": "hello", "data": greeting}))
    if first > head + 1:
        await client.send(
            _message(manager, error_message("unknown_sequence", f"message {first - 1} is not known here."))
        )
    elif 0 < first < oldest and wanted != 0:
        sentence = f"messages before {oldest} are no longer kept."
        await client.send(_message(manager, error_message("gone", sentence)))
    await manager.attach(client, begin)
    await client.drain()


async def _listen(websocket: WebSocket, client: Client, manager: ConnectionManager) -> None:
    """Take acknowledgements and pings until the client is gone, or has sent too much that is refused."""
    limits, refused = manager.limits, 0
    while True:
        received = await websocket.receive()
        if received["type"] == "websocket.disconnect":
            reason = _CLOSED_FOR.get(received.get("code", 0))
            if reason is not None:
                manager.metrics.refused.labels(reason).inc()
            return
        try:
            text = received.get("text")
            if text is None:
                raise MessageError("malformed", "messages are text frames; this was a binary one.")
            if len(text) > limits.message_bytes:
                raise MessageError("too_large", f"a message has at most {limits.message_bytes} bytes.")
            message = read_client(text)
            if message["type"] == "ack":
                manager.acknowledge(client.name, message["sequence"])
            else:
                client.offer(_message(manager, {"type": "pong", "data": {"head": manager.head}}))
        except MessageError as error:
            refused += 1
            manager.metrics.refused.labels(error.code).inc()
            client.offer(_message(manager, error_message(error.code, str(error))))
            if error.code == "too_large" or refused >= limits.refusals:
                await _close(websocket, 1009 if error.code == "too_large" else 1008, str(error))
                return


async def _close(websocket: WebSocket, code: int, sentence: str) -> None:
    # A client that takes nothing does not take a closing frame either; its connection ends when this handler does.
    try:
        await asyncio.sleep(0)
        await asyncio.wait_for(websocket.close(code, sentence[:120]), 1.0)
    except (TimeoutError, WebSocketDisconnect, RuntimeError):
        pass


def _message(manager: ConnectionManager, message: dict) -> Encoded:
    return Encoded(manager.kinds.encode(message), 0, "", 0.0)
