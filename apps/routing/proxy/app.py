"""The proxy as a Starlette application: the chat part of the OpenAI interface in front of any back ends.

``POST /v1/chat/completions`` routes a request whose model is ``auto`` and passes others on to the model named.
``GET /v1/models`` lists ``auto`` and the catalogue's models that have a back end. ``POST /v1/feedback`` says how good
an answer was. ``GET /health`` and ``/metrics`` are for operators.
"""

import asyncio
import json
import logging
import time
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from anyio import CancelScope
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from thermofab.apps.routing.decision import RoutingDecision
from thermofab.apps.routing.providers import Model
from thermofab.apps.routing.proxy.budgets import Budgets
from thermofab.apps.routing.proxy.chat import AUTO, Chat, read_chat
from thermofab.apps.routing.proxy.forwarding import Forwarded, forward
from thermofab.apps.routing.proxy.metrics import ProxyMetrics
from thermofab.apps.routing.proxy.problems import Problem, bad_request
from thermofab.apps.routing.proxy.settings import ProxySettings
from thermofab.apps.routing.proxy.upstream import Failure, Upstream
from thermofab.apps.routing.proxy.usage import StreamUsage, Usage, usage_of
from thermofab.apps.routing.requests import ExecuteRequest
from thermofab.apps.routing.router import Router
from thermofab.apps.serve.access import Access
from thermofab.hw.spec import SpecError

log = logging.getLogger("thermofab.route")
ANYONE = "anyone"  # the client's name where the settings name none
HEADER = "x-thermofab-"


@dataclass(frozen=True, eq=False)
class _Choice:
    """Whom to ask in which order, and the router's decision where it made one."""

    order: tuple[Model, ...]
    request: ExecuteRequest | None = None
    decision: RoutingDecision | None = None


@dataclass(eq=False)
class _Passing:
    """A stream on its way: who pays for it, what has passed, and how it ended."""

    forwarded: Forwarded
    client: str
    reserved: float
    counted: StreamUsage
    end: str = "left"


class _Streamed(StreamingResponse):
    """A stream after which ``ended`` is always called, also where the client left before its first part."""

    def __init__(
        self, parts: AsyncIterator[bytes], headers: dict[str, str], ended: Callable[[], Awaitable[None]]
    ) -> None:
        super().__init__(parts, media_type="text/event-stream", headers={**headers, "cache-control": "no-store"})
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._ended()


class Proxy:
    """State of a running proxy.

    Args:
        router: decides; it is asked from one thread.
        settings: back ends, clients, limits.
        ledger: file of what was spent.
        access: host names and origins that browsers may use.

    Raises:
        SpecError: a back end of a provider that the catalogue does not have, or no model with a back end.
    """

    def __init__(
        self, router: Router, settings: ProxySettings, ledger: Path | None = None, access: Access | None = None
    ) -> None:
        self.router, self.settings, self.access = router, settings, access or Access()
        providers = {backend.provider for backend in settings.backends}
        unknown = sorted(providers - set(router.catalogue.providers))
        if unknown:
            raise SpecError(
                f"there are back ends of {', '.join(unknown)}, but the catalogue has models of "
                f"{', '.join(router.catalogue.providers)} only."
            )
        self.models = tuple(model for model in router.catalogue.models if model.provider in providers)
        self._absent = tuple(p for p in router.catalogue.providers if p not in providers)
        self.budgets = Budgets(settings.clients, ledger)
        self.metrics = ProxyMetrics()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="route")
        self._decisions: OrderedDict[str, tuple[str, ExecuteRequest, RoutingDecision, float]] = OrderedDict()
        self._upstreams: dict[str, Upstream] = {}
        self._running = 0

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        limits = self.settings.limits
        timeout = httpx.Timeout(None, connect=limits.connect_seconds)
        unlimited = httpx.Limits(max_connections=None, max_keepalive_connections=64)
        # Redirects would carry the key elsewhere, and proxies of the environment would see it.
        async with httpx.AsyncClient(
            timeout=timeout, limits=unlimited, follow_redirects=False, trust_env=False
        ) as http:
            self._upstreams = {b.provider: Upstream(b, http, limits) for b in self.settings.backends}
            yield
        self._pool.shutdown(wait=True)
        self.budgets.close()

    async def chat(self, request: Request) -> Response:
        arrived = time.perf_counter()
        client = self._client(request)
        limits = self.settings.limits
        if self._running >= limits.requests:
            raise Problem(503, "too_many_requests", "the proxy answers as many requests as it may.", "server_error")
        chat = read_chat(await _body(request, limits.body_bytes))
        self._running += 1
        self.metrics.running.set(self._running)
        streaming = False
        try:
            choice = await self._choose(chat, client)
            reserved = max(self._cost(model, chat, None) for model in choice.order)
            self.budgets.reserve(client, reserved)
            try:
                forwarded = await forward(chat, choice.order, self._upstreams, limits, self._failed)
                self.metrics.first_byte.observe(time.perf_counter() - arrived)
                if chat.stream:
                    streaming = True
                    passing = _Passing(forwarded, client, reserved, StreamUsage(_prompt_tokens(chat)))
                    headers = self._headers(choice, forwarded, client, arrived)
                    return _Streamed(self._stream(passing), headers, lambda: self._passed(passing))
                body, usage = await self._whole(forwarded, chat)
                self._booked(forwarded.model, usage, client, reserved, "answered")
                reserved = 0.0
                return Response(
                    body, media_type="application/json", headers=self._headers(choice, forwarded, client, arrived)
                )
            finally:
                if not streaming and reserved:
                    self.budgets.settle(client, reserved, 0.0)
        finally:
            if not streaming:
                self._finished()

    async def models_list(self, request: Request) -> Response:
        self._client(request)
        names = [AUTO, *(model.id for model in self.models)]
        return JSONResponse(
            {
                "object": "list",
                "data": [
                    {"id": name, "object": "model", "created": 0, "owned_by": name.partition("/")[0]} for name in names
                ],
            }
        )

    async def feedback(self, request: Request) -> Response:
        client = self._client(request)
        try:
            said: Any = json.loads(await _body(request, 10_000))
            number, quality = said["id"], said["quality"]
        except (ValueError, KeyError, TypeError):
            raise bad_request('feedback is {"id": of the answer\'s header x-thermofab-id, "quality": 0…1}.') from None
        if not isinstance(quality, (int, float)) or isinstance(quality, bool) or not 0 <= quality <= 1:
            raise bad_request(f"quality is a number in [0, 1], got {quality!r}.", "quality")
        known = self._decisions.get(number) if isinstance(number, str) else None
        if known is None or known[0] != client:
            raise Problem(404, "unknown_decision", "no decision of that id is remembered.", param="id")
        _, routed, decision, seconds = known
        await asyncio.get_running_loop().run_in_executor(
            self._pool, self.router.learn_from_outcome, routed, decision, float(quality), seconds
        )
        return JSONResponse({"learnt": True})

    async def health(self, _: Request) -> Response:
        left_out = [name for name, upstream in self._upstreams.items() if upstream.left_out()]
        return JSONResponse({"status": "degraded" if left_out else "ok", "left_out": left_out})

    async def text_metrics(self, _: Request) -> Response:
        return PlainTextResponse(self.metrics.text())

    def _client(self, request: Request) -> str:
        """Name of the client.

        Raises:
            Problem: 401 for a missing or wrong key, 403 or 421 for a foreign page.
        """
        foreign = self.access.foreign(request)
        if foreign is not None:
            raise Problem(foreign.status, foreign.code, foreign.sentence)
        if not self.settings.clients:
            return ANYONE
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            # Every key is compared, so that the time does not tell which was nearly right.
            found = [client.name for client in self.settings.clients if client.key.matches(shown)]
            if found:
                return found[0]
        raise Problem(401, "invalid_api_key", "that key is not known here; send Authorization: Bearer KEY.")

    async def _choose(self, chat: Chat, client: str) -> _Choice:
        if chat.model != AUTO:
            named = [model for model in self.models if model.id == chat.model]
            if not named:
                raise Problem(
                    404, "model_not_found", f"there is no model {chat.model!r}; /v1/models lists them.", param="model"
                )
            return _Choice(tuple(named))
        request = chat.request(
            budget_left=self.budgets.share_left(client),
            load=min(1.0, self._running / self.settings.limits.requests),
            max_cost=self._affordable(client),
            time=time.time(),
        )
        request = self._with_back_ends_only(request)
        begun = time.perf_counter()
        try:
            decision = await asyncio.get_running_loop().run_in_executor(self._pool, self.router.route_request, request)
        except SpecError as error:
            raise bad_request(f"no model can be chosen: {error}", "routing") from None
        self.metrics.decision.observe(time.perf_counter() - begun)
        ids = dict.fromkeys([decision.id, *(alternative.model for alternative in decision.alternatives)])
        of_id = {model.id: model for model in self.models}
        return _Choice(tuple(of_id[name] for name in ids if name in of_id), request, decision)

    def _with_back_ends_only(self, request: ExecuteRequest) -> ExecuteRequest:
        excluded = (*request.constraints.excluded, *self._absent)
        try:
            return replace(request, constraints=replace(request.constraints, excluded=excluded))
        except SpecError as error:
            raise bad_request(f"routing: {error}", "routing") from None

    def _affordable(self, client: str) -> float | None:
        left = self.budgets.left(client)
        if left is not None and left <= 0:
            raise Problem(429, "insufficient_quota", "the budget is spent.", "insufficient_quota")
        return left

    def _cost(self, model: Model, chat: Chat, usage: Usage | None) -> float:
        """USD: of ``usage``, or the most that is expected."""
        if usage is not None:
            return model.cost(usage.prompt, usage.answer)
        return model.cost(_prompt_tokens(chat), chat.max_tokens or model.output_tokens)

    def _headers(self, choice: _Choice, forwarded: Forwarded, client: str, arrived: float) -> dict[str, str]:
        number = uuid.uuid4().hex
        headers = {
            f"{HEADER}id": number,
            f"{HEADER}model": forwarded.model.id,
            f"{HEADER}tries": str(forwarded.tries),
        }
        if choice.decision is not None and choice.request is not None:
            decision = choice.decision
            headers[f"{HEADER}decision"] = json.dumps(
                {
                    "chosen": decision.id,
                    "confidence": round(decision.confidence, 4),
                    "propensity": round(decision.propensity, 6),
                    "alternatives": [[name, round(score, 4)] for name, score in decision.alternatives[:8]],
                }
            )
            if forwarded.model.id == decision.id:  # what another model answered says nothing of this decision
                seconds = time.perf_counter() - arrived
                self._decisions[number] = client, choice.request, decision, seconds
                while len(self._decisions) > self.settings.limits.remembered:
                    self._decisions.popitem(last=False)
        return headers

    async def _whole(self, forwarded: Forwarded, chat: Chat) -> tuple[bytes, Usage]:
        """An answer that is not streamed."""
        content = forwarded.answer.first
        try:
            async for part in forwarded.answer.parts:
                content += part
                if len(content) > self.settings.limits.answer_bytes:
                    raise Problem(502, "answer_too_long", "the answer is too long to pass on.", "server_error")
            return content, usage_of(json.loads(content), _prompt_tokens(chat))
        except Failure as failure:
            self._failed(forwarded.model, failure)
            raise Problem(502, "broken_off", failure.message, "server_error") from None
        except ValueError:
            raise Problem(502, "no_json", f"{forwarded.model.provider} sent no JSON.", "server_error") from None
        finally:
            await forwarded.answer.close()

    async def _stream(self, passing: "_Passing") -> AsyncIterator[bytes]:
        """Parts as they come. A stream that breaks off ends with an event that says so, and without ``[DONE]``."""
        answer, model = passing.forwarded.answer, passing.forwarded.model
        try:
            passing.counted.feed(answer.first)
            yield answer.first
            async for part in answer.parts:
                passing.counted.feed(part)
                yield part
            if not passing.counted.done:
                raise Failure("broken", f"{model.provider} ended the stream early.", again=False)
            passing.end = "answered"
        except Failure as failure:
            self._failed(model, failure)
            passing.end = "broken"
            broken = Problem(502, "broken_off", failure.message, "server_error")
            yield b"\n\ndata: " + json.dumps(broken.body()).encode() + b"\n\n"

    async def _passed(self, passing: "_Passing") -> None:
        """Book a stream that has ended, in whichever way, and let go of the back end."""
        self._booked(passing.forwarded.model, passing.counted.usage, passing.client, passing.reserved, passing.end)
        self._finished()
        with CancelScope(shield=True):
            await passing.forwarded.answer.close()

    def _booked(self, model: Model, usage: Usage, client: str, reserved: float, end: str) -> None:
        cost = model.cost(usage.prompt, usage.answer)
        self.budgets.settle(client, reserved, cost)
        self.metrics.usd.labels(model.id).inc(cost)
        self.metrics.requests.labels(model.id, end).inc()
        log.info(
            "answered client=%s model=%s end=%s prompt_tokens=%d answer_tokens=%d stated=%s usd=%.6f",
            client, model.id, end, usage.prompt, usage.answer, usage.stated, cost,
        )  # fmt: skip

    def _finished(self) -> None:
        self._running -= 1
        self.metrics.running.set(self._running)

    def _failed(self, model: Model, failure: Failure) -> None:
        self.metrics.failures.labels(model.provider, failure.reason).inc()
        log.warning("back end failed model=%s reason=%s status=%s", model.id, failure.reason, failure.status)


def create_proxy(
    router: Router, settings: ProxySettings, ledger: Path | None = None, access: Access | None = None
) -> Starlette:
    """The application; its state is at ``app.state.proxy``."""
    proxy = Proxy(router, settings, ledger, access)

    async def refused(_: Request, problem: Exception) -> Response:
        assert isinstance(problem, Problem)
        proxy.metrics.refused.labels(problem.code).inc()
        return problem.response()

    app = Starlette(
        routes=[
            Route("/v1/chat/completions", proxy.chat, methods=["POST"]),
            Route("/v1/models", proxy.models_list),
            Route("/v1/feedback", proxy.feedback, methods=["POST"]),
            Route("/health", proxy.health),
            Route("/metrics", proxy.text_metrics),
        ],
        exception_handlers={Problem: refused},
        lifespan=proxy.lifespan,
    )
    app.state.proxy = proxy
    return app


def _prompt_tokens(chat: Chat) -> int:
    return chat.history_tokens + max(1, (len(chat.prompt) + 3) // 4)


async def _body(request: Request, most: int) -> bytes:
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > most:
            raise Problem(413, "too_long", f"a request has at most {most} bytes.")
    return content
