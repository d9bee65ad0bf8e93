"""A small back end that speaks the OpenAI interface: it says the prompt back, word by word. For tests and try-outs."""

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route


def create_echo(name: str, *, key: str | None = None, pause: float = 0.0) -> Starlette:
    """A back end.

    Args:
        name: said before every answer.
        key: that callers must show, if any.
        pause: seconds between the words of a stream.
    """

    async def chat(request: Request) -> Response:
        if key is not None and request.headers.get("authorization") != f"Bearer {key}":
            shown = request.headers.get("authorization", "")
            return JSONResponse({"error": {"message": f"wrong key: {shown}", "type": "invalid_request_error"}}, 401)
        body = await request.json()
        prompt = str(body["messages"][-1].get("content"))
        words = [f"{name}:", *prompt.split()]
        usage = {"prompt_tokens": len(words) - 1, "completion_tokens": len(words), "total_tokens": 2 * len(words) - 1}
        about = {"id": "echo", "created": 0, "model": body["model"]}
        if not body.get("stream"):
            message = {"role": "assistant", "content": " ".join(words)}
            choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
            return JSONResponse({**about, "object": "chat.completion", "choices": choices, "usage": usage})

        async def events() -> AsyncIterator[bytes]:
            for k, word in enumerate(words):
                await asyncio.sleep(pause)
                delta = {"content": word if k == 0 else f" {word}"}
                yield _event({**about, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
            yield _event({**about, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage})
            yield b"data: [DONE]\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    return Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])])


def _event(content: dict) -> bytes:
    return f"data: {json.dumps({'object': 'chat.completion.chunk', **content})}\n\n".encode()
