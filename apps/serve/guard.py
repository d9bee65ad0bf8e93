"""What stands before every page: foreign hosts and origins are refused, and browsers are told what a page may load."""

from collections.abc import Callable, Sequence
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from thermofab.apps.serve.access import Access
from thermofab.apps.serve.messages import error_message

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors "
)


def page(path: Path) -> Callable[[Request], Response]:
    """An endpoint that answers with a page of ours."""

    def answer(_: Request) -> Response:
        return FileResponse(path, media_type="text/html; charset=utf-8")

    return answer


class Guard:
    """Refuses foreign hosts and origins before anything else looks at a request, and adds security headers.

    WebSockets pass: their handler does its own checks, and says more in its refusal.

    Args:
        app: what it stands before.
        access: whom the server answers.
        refused: called with the code of every refusal.
        embeddable: paths of pages that origins of ``access`` may show in a frame.
    """

    def __init__(
        self, app: ASGIApp, access: Access, refused: Callable[[str], None], embeddable: Sequence[str] = ()
    ) -> None:
        self._app, self._access, self._refused, self._embeddable = app, access, refused, embeddable

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        framed = scope["path"] in self._embeddable
        ancestors = " ".join(("'self'", *self._access.origins)) if framed else "'none'"

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
        self._refused(refusal.code)
        response = JSONResponse(error_message(refusal.code, refusal.sentence), refusal.status)
        await response(scope, receive, secured)
