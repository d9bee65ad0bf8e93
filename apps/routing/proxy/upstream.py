"""One back end: a request is opened, and its answer is read, with limits on every wait.

What went wrong is said as a :class:`Failure` without the back end's key and, for errors that are ours and not the
client's, without its words.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx

from thermofab.apps.routing.proxy.settings import BackEnd, ProxyLimits

_SAID = 2000  # characters of a back end's error that are passed on


class Failure(Exception):
    """A back end did not answer.

    Args:
        reason: for counters: ``unreachable``, ``timeout``, ``refused_key``, ``busy``, ``broken``, ``bad_request``.
        message: for people, without keys.
        again: whether the same back end may be tried again.
        status: that the back end gave, if it did.
    """

    def __init__(self, reason: str, message: str, *, again: bool, status: int | None = None) -> None:
        super().__init__(message)
        self.reason, self.message, self.again, self.status = reason, message, again, status


@dataclass(frozen=True, eq=False)
class Answer:
    """An answer that has begun: its content type, and its bytes, of which the first part has arrived."""

    content_type: str
    first: bytes
    parts: AsyncIterator[bytes]
    response: httpx.Response

    async def close(self) -> None:
        await self.response.aclose()


class Upstream:
    """A back end and the connections to it."""

    def __init__(self, backend: BackEnd, http: httpx.AsyncClient, limits: ProxyLimits) -> None:
        self.backend, self._http, self._limits = backend, http, limits
        self._failures, self._broken_until = 0, 0.0

    @property
    def provider(self) -> str:
        return self.backend.provider

    def left_out(self) -> bool:
        """Whether it failed so often that it is not asked for now."""
        return asyncio.get_running_loop().time() < self._broken_until

    async def open(self, body: dict[str, Any]) -> Answer:
        """Send a chat request and wait until the answer begins.

        Raises:
            Failure: it did not.
        """
        try:
            answer = await self._open(body)
        except Failure as failure:
            if failure.reason != "bad_request":
                self._failures += 1
                if self._failures >= self._limits.broken_after:
                    self._broken_until = asyncio.get_running_loop().time() + self._limits.broken_seconds
            raise
        self._failures = 0
        return answer

    async def _open(self, body: dict[str, Any]) -> Answer:
        # Not compressed: parts of a stream are passed on as they come.
        headers = {"content-type": "application/json", "accept-encoding": "identity"}
        if self.backend.key is not None:
            headers["authorization"] = f"Bearer {self.backend.key.value}"
        url = self.backend.url.rstrip("/") + "/chat/completions"
        request = self._http.build_request("POST", url, content=json.dumps(body).encode(), headers=headers)
        try:
            async with asyncio.timeout(self._limits.first_byte_seconds):
                response = await self._http.send(request, stream=True)
                try:
                    if response.status_code != 200:
                        raise await self._refusal(response)
                    parts = response.aiter_bytes()
                    first = await anext(parts, b"")
                    if not first:
                        raise Failure("broken", f"{self.provider} sent an empty answer.", again=True)
                except BaseException:
                    await response.aclose()
                    raise
        except TimeoutError:
            raise Failure("timeout", f"{self.provider} did not answer in time.", again=False) from None
        except (httpx.TransportError, httpx.InvalidURL) as error:
            kind = type(error).__name__
            raise Failure("unreachable", f"{self.provider} cannot be reached ({kind}).", again=True) from None
        content_type = response.headers.get("content-type", "application/json")
        return Answer(content_type, first, self._idle_limited(parts), response)

    async def _idle_limited(self, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        while True:
            try:
                async with asyncio.timeout(self._limits.idle_seconds):
                    part = await anext(parts, None)
            except TimeoutError:
                raise Failure("timeout", f"{self.provider} fell silent.", again=False) from None
            except httpx.TransportError as error:
                kind = type(error).__name__
                raise Failure("broken", f"{self.provider} broke off ({kind}).", again=False) from None
            if part is None:
                return
            yield part

    async def _refusal(self, response: httpx.Response) -> Failure:
        status = response.status_code
        if status in (401, 403):
            return Failure("refused_key", f"{self.provider} refused the proxy's key.", again=False, status=status)
        if status in (408, 409, 429) or status >= 500:
            return Failure("busy", f"{self.provider} answered {status}.", again=True, status=status)
        content = b""
        async for part in response.aiter_bytes():
            content += part
            if len(content) > 4 * _SAID:
                break
        said = self.backend.scrubbed(content.decode("utf-8", "replace"))[:_SAID]
        try:
            said = str(json.loads(said)["error"]["message"])
        except (ValueError, KeyError, TypeError):
            said = f"{self.provider} answered {status}."
        return Failure("bad_request", said, again=False, status=status)
