"""The application: routes, security headers, and the tasks that run beside them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from thermofab.apps.serve import rest
from thermofab.apps.serve.access import Access
from thermofab.apps.serve.fabrics import FabricPictures
from thermofab.apps.serve.journal import Journal
from thermofab.apps.serve.limits import Limits
from thermofab.apps.serve.manager import ConnectionManager
from thermofab.apps.serve.messages import CONTROL, Kind, Kinds, error_message
from thermofab.apps.serve.prediction import PREDICTION
from thermofab.apps.serve.predictors import Predictor, Progress, stream
from thermofab.apps.serve.site import Site
from thermofab.apps.serve.websocket import connect

STATIC = Path(__file__).parent / "static"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors "
)


def create_app(
    predictors: Sequence[Predictor],
    journal: Journal,
    *,
    access: Access | None = None,
    limits: Limits | None = None,
    kinds: Sequence[Kind] = (PREDICTION,),
) -> Starlette:
    """A server of what ``predictors`` make.

    Args:
        predictors: what is streamed, each under its own symbol; all run at once.
        journal: where messages are kept; closed with the application.
        access: whom it answers; everybody on loopback by default.
        limits: what it allows.
        kinds: the types of message that the predictors make.
    """
    limits, access = limits or Limits(), access or Access()
    fabrics = FabricPictures()

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        manager = ConnectionManager(journal, Kinds((*CONTROL, *kinds)), limits)
        manager.listen(fabrics.note)
        running = [(predictor, Progress()) for predictor in predictors]
        site = app.state.site = Site(manager, access, limits, tuple(running), fabrics)
        newest = await manager.on_journal_thread(_newest, journal)
        for data in newest.values():
            fabrics.note(data)
        for predictor in predictors:
            if predictor.symbol in newest:
                predictor.resume(newest[predictor.symbol])
        tasks = [asyncio.create_task(stream(predictor, manager, limits, progress)) for predictor, progress in running]
        tasks += [asyncio.create_task(_beat(site)), asyncio.create_task(_watch(site))]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await manager.close()

    routes = [
        Route("/", _page("index.html")),
        Route("/embed/card", _page("card.html")),
        Route("/health", rest.health),
        Route("/ready", rest.ready),
        Route("/metrics", rest.metrics),
        Route("/api/latest", rest.latest),
        Route("/api/history", rest.history),
        Route("/api/replay", rest.replay),
        Route("/api/fabric/{name}", rest.fabric),
        Route("/api/schema/{type}", rest.schema),
        WebSocketRoute("/ws/{client_id}", connect),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.add_middleware(_Guard, access=access)
    return app


def _newest(journal: Journal) -> dict[str, dict[str, Any]]:
    """Data of every topic's newest message."""
    return {name: json.loads(journal.read(n, 1)[0][2])["data"] for name, n in journal.topics().items()}


async def _beat(site: Site) -> None:
    """Heartbeats, and with each the acknowledgements that wait."""
    while True:
        await asyncio.sleep(site.limits.heartbeat_seconds)
        await site.manager.broadcast(site.heartbeat())
        await site.manager.flush()


async def _watch(site: Site) -> None:
    """Slow clients are looked for several times within the time they have."""
    while True:
        await asyncio.sleep(min(1.0, site.limits.stall_seconds / 4))
        site.manager.evict()


def _page(name: str) -> Callable[[Request], Response]:
    def page(_: Request) -> Response:
        return FileResponse(STATIC / name, media_type="text/html; charset=utf-8")

    return page


class _Guard:
    """Refuses foreign hosts and origins before anything else looks at a request, and adds security headers.

    WebSockets pass: their handler does its own checks, and says more in its refusal.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        ancestors = " ".join(("'self'", *self._access.origins)) if scope["path"] == "/embed/card" else "'none'"

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = _POLICY + ancestors
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                headers.setdefault("Cache-Control", "no-store" if scope["path"].startswith("/api") else "no-cache")
            await send(message)

        refusal = self._access.foreign(HTTPConnection(scope))
        if refusal is None:
            await self._app(scope, receive, secured)
            return
        scope["app"].state.site.manager.metrics.refused.labels(refusal.code).inc()
        response = JSONResponse(error_message(refusal.code, refusal.sentence), refusal.status)
        await response(scope, receive, secured)
