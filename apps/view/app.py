"""The application of ``thermofab view``: a page, its WebSocket, and what the page fetches once."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.utils import ClientDisconnected

from thermofab.apps.serve import app as serving
from thermofab.apps.serve.access import Access, Refusal
from thermofab.apps.serve.guard import Guard, page
from thermofab.apps.serve.limits import Limits
from thermofab.apps.serve.messages import MessageError, error_message
from thermofab.apps.view.messages import read
from thermofab.apps.view.picture import picture
from thermofab.apps.view.player import Player, Scene, Watcher
from thermofab.apps.view.recipe import recipe

STATIC = Path(__file__).parent / "static"


def create_app(
    scene: Scene,
    *,
    access: Access | None = None,
    limits: Limits | None = None,
    started: Callable[[], None] = lambda: None,
) -> Starlette:
    """A server of one scene; all pages that look at it share its controls.

    Args:
        scene: what is shown.
        access: whom it answers; everybody on loopback by default.
        limits: what it allows: pages at once, bytes of a message, refusals of a connection.
        started: called when the server listens.

    Raises:
        SpecError: the fabric is too large to draw.
    """
    access, limits, drawn = access or Access(), limits or Limits(clients=32), picture(scene.program)
    drawn = {**drawn, "title": scene.title}

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.player = Player(scene)
        playing = asyncio.create_task(app.state.player.play())
        started()
        yield
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)

    def guarded(answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            refusal = access.unknown(request)
            if refusal is not None:
                return JSONResponse(error_message(refusal.code, refusal.sentence), refusal.status)
            return await answer(request)

        return endpoint

    async def fixed_picture(_: Request) -> Response:
        return JSONResponse(drawn)

    async def newest_recipe(request: Request) -> Response:
        shown = request.app.state.player.newest
        if shown is None:
            return JSONResponse(error_message("no_frame", "there is no frame yet; look again in a moment."), 404)
        return PlainTextResponse(recipe(shown.leg, shown.frame.sweeps, scene.device_name))

    async def program_file(_: Request) -> Response:
        text = await asyncio.to_thread(lambda: json.dumps(scene.program.to_json()))
        headers = {"Content-Disposition": "attachment; filename=program.json"}
        return Response(text, media_type="application/json", headers=headers)

    async def connect(websocket: WebSocket) -> None:
        player: Player = websocket.app.state.player
        refusal = access.foreign(websocket) or access.unknown(websocket)
        if refusal is None and player.watchers >= limits.clients:
            refusal = Refusal(503, "too_many_clients", "the server shows itself to as many pages as it takes.")
        if refusal is not None:
            answer = error_message(refusal.code, refusal.sentence)
            await websocket.send_denial_response(JSONResponse(answer, refusal.status))
            return
        await websocket.accept()
        with player.watched() as watcher:
            await _converse(websocket, player, watcher, limits)

    routes = [
        Route("/", page(STATIC / "view.html")),
        Route("/health", lambda _: JSONResponse({"status": "ok"})),
        Route("/api/picture", guarded(fixed_picture)),
        Route("/api/recipe", guarded(newest_recipe)),
        Route("/api/program", guarded(program_file)),
        WebSocketRoute("/ws", connect),
        Mount("/static", StaticFiles(directory=STATIC)),
        Mount("/shared", StaticFiles(directory=serving.STATIC)),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.add_middleware(Guard, access=access, refused=lambda code: None)
    return app


async def _converse(websocket: WebSocket, player: Player, watcher: Watcher, limits: Limits) -> None:
    """Send and listen until either ends."""
    tasks = [
        asyncio.create_task(_bring(websocket, watcher)),
        asyncio.create_task(_listen(websocket, player, limits)),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception) and not isinstance(ended, WebSocketDisconnect | ClientDisconnected):
                raise ended


async def _bring(websocket: WebSocket, watcher: Watcher) -> None:
    while True:
        for part in await watcher.take():
            await (websocket.send_text(part) if isinstance(part, str) else websocket.send_bytes(part))


async def _listen(websocket: WebSocket, player: Player, limits: Limits) -> None:
    """Do what the page asks, until it is gone or has sent too much that is refused."""
    refused = 0
    while True:
        received = await websocket.receive()
        if received["type"] == "websocket.disconnect":
            return
        try:
            text = received.get("text")
            if text is None:
                raise MessageError("malformed", "messages are text frames; this was a binary one.")
            if len(text) > limits.message_bytes:
                raise MessageError("too_large", f"a message has at most {limits.message_bytes} bytes.")
            player.apply(read(text))
        except MessageError as error:
            refused += 1
            await websocket.send_text(json.dumps(error_message(error.code, str(error))))
            if error.code == "too_large" or refused >= limits.refusals:
                await websocket.close(1009 if error.code == "too_large" else 1008, str(error)[:120])
                return
