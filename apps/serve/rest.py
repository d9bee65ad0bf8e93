"""REST: latest, history, replay, fabrics and schemas; health, readiness and metrics."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from thermofab.apps.serve.messages import error_message
from thermofab.apps.serve.site import Site
from thermofab.hw.spec import SpecError

Rows = list[tuple[int, str, str]]
_NUMBER = re.compile(r"[0-9]{1,15}")


def _refused(status: int, code: str, sentence: str) -> JSONResponse:
    return JSONResponse(error_message(code, sentence), status)


def guarded(answer: Callable[[Request, Site], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """``answer`` for those who show the token; what it refuses becomes a 400."""

    async def endpoint(request: Request) -> Response:
        site: Site = request.app.state.site
        refusal = site.access.unknown(request)
        if refusal is not None:
            site.manager.metrics.refused.labels(refusal.code).inc()
            return _refused(refusal.status, refusal.code, refusal.sentence)
        try:
            return await answer(request, site)
        except SpecError as error:
            site.manager.metrics.refused.labels("bad_request").inc()
            return _refused(400, "bad_request", str(error))

    return endpoint


def _number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return min(default, most)
    if not _NUMBER.fullmatch(text):
        raise SpecError(f"{name} is a whole number from 0; got {text[:40]!r}.")
    return min(int(text), most)


def _topic(request: Request, site: Site) -> str | None:
    topic = request.query_params.get("topic")
    if topic is not None and topic not in site.topics():
        raise SpecError(f"there is no topic {topic[:40]!r}; there are {', '.join(site.topics()) or 'none'}.")
    return topic


async def _answer(request: Request, site: Site, rows: Rows, **more: int | None) -> Response:
    """The messages as they stand in the journal, without the keys of their data that ``omit`` names."""
    named = frozenset(filter(None, request.query_params.get("omit", "").split(",")))
    head = {"journal": site.manager.journal.identity, "head": site.manager.head, **more}
    body = await asyncio.to_thread(_joined, rows, named - {"sequence", "symbol"}, head)
    return Response(body, media_type="application/json")


def _joined(rows: Rows, omit: frozenset[str], head: dict[str, str | int | None]) -> bytes:
    bodies = [text for _, _, text in rows]
    if omit:
        whole = [json.loads(text) for text in bodies]
        kept = ({**m, "data": {k: v for k, v in m["data"].items() if k not in omit}} for m in whole)
        bodies = [json.dumps(message, separators=(",", ":")) for message in kept]
    return (json.dumps(head)[:-1] + ',"messages":[' + ",".join(bodies) + "]}").encode()


@guarded
async def latest(request: Request, site: Site) -> Response:
    """The newest message of every topic, or of ``topic``."""
    topic = _topic(request, site)

    def read() -> Rows:
        journal = site.manager.journal
        numbers = sorted(n for name, n in journal.topics().items() if topic in (None, name))
        return [row for n in numbers for row in journal.read(n, 1)]

    return await _answer(request, site, await site.manager.on_journal_thread(read))


@guarded
async def history(request: Request, site: Site) -> Response:
    """The newest ``limit`` messages in order, of all topics or of ``topic``."""
    topic, limit = _topic(request, site), _number(request, "limit", 100, site.limits.page_rows)

    rows = await site.manager.on_journal_thread(site.manager.journal.newest, limit, topic)
    return await _answer(request, site, rows)


@guarded
async def replay(request: Request, site: Site) -> Response:
    """Messages from number ``from`` on; ``next`` is where to go on, null at the end."""
    topic, limit = _topic(request, site), _number(request, "limit", 1000, site.limits.page_rows)
    first = _number(request, "from", 1, 10**15)
    if limit < 1:
        raise SpecError("limit is at least 1.")

    rows = await site.manager.on_journal_thread(site.manager.journal.read, first, limit, topic)
    following = rows[-1][0] + 1 if len(rows) == limit else None
    return await _answer(request, site, rows, next=following, oldest=site.manager.journal.oldest)


@guarded
async def fabric(request: Request, site: Site) -> Response:
    """Sites and couplings of a fabric that messages name."""
    return JSONResponse(site.fabrics.picture(request.path_params["name"]))


@guarded
async def schema(request: Request, site: Site) -> Response:
    """The JSON schema of a type of message."""
    name = request.path_params["type"]
    found = next((kind.schema for kind in site.manager.kinds if kind.type == name), None)
    if found is None:
        return _refused(404, "unknown_type", f"there is no message type {name[:40]!r}.")
    return JSONResponse(dict(found), media_type="application/schema+json")


@guarded
async def metrics(request: Request, site: Site) -> Response:
    """Counters and times in Prometheus' text format."""
    return Response(site.manager.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


async def health(request: Request) -> Response:
    """The server's loop runs."""
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> Response:
    """Every predictor has begun and none fails; else 503 with why."""
    site: Site = request.app.state.site
    troubles = site.troubles()
    return JSONResponse({"ready": not troubles, "reasons": troubles}, 200 if not troubles else 503)
