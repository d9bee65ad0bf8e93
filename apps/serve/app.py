"""The application: routes, and the tasks that run beside them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from thermofab.apps.serve import rest
from thermofab.apps.serve.access import Access
from thermofab.apps.serve.fabrics import FabricPictures
from thermofab.apps.serve.guard import Guard, page
from thermofab.apps.serve.journal import Journal
from thermofab.apps.serve.limits import Limits
from thermofab.apps.serve.manager import ConnectionManager
from thermofab.apps.serve.messages import CONTROL, Kind, Kinds
from thermofab.apps.serve.prediction import PREDICTION
from thermofab.apps.serve.predictors import Predictor, Progress, stream
from thermofab.apps.serve.site import Site
from thermofab.apps.serve.websocket import connect

STATIC = Path(__file__).parent / "static"


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
        Route("/", page(STATIC / "index.html")),
        Route("/embed/card", page(STATIC / "card.html")),
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
    app.add_middleware(
        Guard,
        access=access,
        refused=lambda code: app.state.site.manager.metrics.refused.labels(code).inc(),
        embeddable=("/embed/card",),
    )
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
