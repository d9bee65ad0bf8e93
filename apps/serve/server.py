"""Running an application on uvicorn: in this process until it is stopped, or on a thread of its own."""

import asyncio
import os
import signal
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import OPEN

from thermofab.apps.serve.limits import Limits
from thermofab.hw.spec import SpecError

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent


class _Protocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol, which also writes frames made once for all clients, and can drop a stalled connection.

    A connection that is closed the usual way waits until all that was written is taken, which a stalled client never
    does.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # Small, so that a client that takes nothing is noticed after kilobytes, not after the megabytes of the default.
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope.setdefault("state", {})["abort"] = self.abort

    async def send(self, message: "ASGISendEvent") -> None:
        frame = cast(Mapping[str, bytes], message).get("frame")
        if frame is None:
            return await super().send(message)
        await self.writable.wait()
        if self.disconnected or self.close_sent or self.conn.state is not OPEN:
            raise ClientDisconnected()
        self.transport.write(frame)

    def abort(self) -> None:
        """End the connection and forget what was not taken, in the kernel's buffer too."""
        line = self.transport.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh" if os.name == "nt" else "ii", 1, 0))
        self.transport.abort()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.abort()


def configuration(app: Starlette, limits: Limits, host: str, port: int) -> uvicorn.Config:
    """uvicorn's settings: no compression (every client would be compressed for), protocol pings, and no access log,
    which would hold tokens."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        ws=_Protocol,
        ws_per_message_deflate=False,
        # Somewhat more than a message: the handler answers what is a little too long, the protocol cuts off the rest.
        ws_max_size=4 * limits.message_bytes,
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        timeout_graceful_shutdown=5,
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        backlog=2048,
    )


def serve(app: Starlette, *, host: str = "127.0.0.1", port: int = 8000, limits: Limits | None = None) -> None:
    """Serve until SIGINT or SIGTERM, then close connections (1012), write what waits, and return.

    Raises:
        SpecError: the port cannot be had.
    """
    listening = _listen(host, port)
    server = uvicorn.Server(configuration(app, limits or Limits(), host, port))
    with _handled(signal.SIGINT, signal.SIGTERM):
        server.run(sockets=[listening])
    if not server.started:
        raise SpecError("the server did not start; its log says why.")


@contextmanager
def _handled(*numbers: signal.Signals) -> Iterator[None]:
    """uvicorn sends itself the signal that stopped it once more, which would end the process before we clean up."""
    before = [signal.signal(number, lambda *_: None) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before):
            signal.signal(number, handler)


@dataclass(frozen=True)
class Serving:
    """A server on a thread.

    Attributes:
        host, port: where it listens.
        app: the application.
    """

    host: str
    port: int
    app: Starlette

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://{self.host}:{self.port}/ws"


@contextmanager
def serving(
    app: Starlette, *, host: str = "127.0.0.1", port: int = 0, limits: Limits | None = None
) -> Iterator[Serving]:
    """A server on a thread while the context is open; port 0 takes a free one."""
    listening = _listen(host, port)
    server = uvicorn.Server(configuration(app, limits or Limits(), host, port))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])), name="serve", daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.01)
    if not server.started:
        raise SpecError("the server did not start; its log says why.")
    try:
        yield Serving(host, listening.getsockname()[1], app)
    finally:
        server.should_exit = True
        thread.join()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise SpecError(f"{host}:{port} cannot be listened at ({error.strerror}); choose another --port.") from None
