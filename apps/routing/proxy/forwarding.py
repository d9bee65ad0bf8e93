"""From an order of models to an answer: retries of one back end, then the next one."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from thermofab.apps.routing.providers import Model
from thermofab.apps.routing.proxy.chat import Chat
from thermofab.apps.routing.proxy.problems import Problem
from thermofab.apps.routing.proxy.settings import ProxyLimits
from thermofab.apps.routing.proxy.upstream import Answer, Failure, Upstream


@dataclass(frozen=True, eq=False)
class Forwarded:
    """An answer that has begun, who gives it, and how many requests that took."""

    answer: Answer
    model: Model
    upstream: Upstream
    tries: int


async def forward(
    chat: Chat,
    order: Sequence[Model],
    upstreams: Mapping[str, Upstream],
    limits: ProxyLimits,
    failed: Callable[[Model, Failure], None],
) -> Forwarded:
    """Ask the models in turn until one answers.

    Args:
        chat: the request.
        order: whom to ask, best first.
        upstreams: by provider.
        limits: tries and pauses.
        failed: told of every failure.

    Raises:
        Problem: 400 where a back end calls the request wrong; 502 where none answered.
    """
    tries = 0
    # Models whose back end has failed lately come last instead of never: all may have.
    ready = [model for model in order if not upstreams[model.provider].left_out()]
    late = [model for model in order if upstreams[model.provider].left_out()]
    for model in [*ready, *late]:
        upstream = upstreams[model.provider]
        for attempt in range(limits.tries):
            if attempt:
                await asyncio.sleep(limits.pause_seconds * 2 ** (attempt - 1))
            tries += 1
            try:
                answer = await upstream.open({**chat.body, "model": model.name})
                return Forwarded(answer, model, upstream, tries)
            except Failure as failure:
                failed(model, failure)
                if failure.reason == "bad_request":
                    raise Problem(failure.status or 400, "bad_request", failure.message) from None
                if not failure.again:
                    break
    asked = ", ".join(dict.fromkeys(model.id for model in order))
    raise Problem(502, "no_back_end", f"none of the back ends answered ({asked}).", "server_error")
