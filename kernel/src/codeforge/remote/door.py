"""The servers' worker API from the worker's side: one request at a time goes to one server, and on to the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from codeforge import __version__, versions
from codeforge.errors import (
    CodeForgeError,
    Conflict,
    Fenced,
    Forbidden,
    Invalid,
    NotFound,
    RunFailure,
    Unauthorized,
    Unavailable,
)

PREFIX = "/api/worker/v1"
PATIENCE = 10.0
"""Seconds in which a server must begin to answer, beside what it was asked to wait."""
WHOLE = 60.0
"""Seconds in which an answer that has begun must be there."""
ERRORS = {error.slug: error for error in (Conflict, Fenced, Forbidden, Invalid, NotFound, Unauthorized)}


class Door:
    """``urls`` are servers of one CodeForge; the one that answered last is asked first."""

    def __init__(self, urls: tuple[str, ...], token: str) -> None:
        self._urls = [url.rstrip("/") for url in urls]
        headers = {"Authorization": f"Bearer {token}", versions.HEADER: __version__}
        self._http = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=None, sock_connect=5))

    @property
    def url(self) -> str:
        """The server that answered last."""
        return self._urls[0]

    async def close(self) -> None:
        await self._http.close()

    @asynccontextmanager
    async def ask(
        self,
        method: str,
        path: str,
        *,
        wait: float = PATIENCE,
        once: bool = False,
        params: Mapping[str, str] | None = None,
        **body: Any,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer that is no error; ``body`` is what aiohttp takes (json, data). With ``once`` one server is asked,
        and the next call asks another one when it does not answer.

        Raises what the server raised, and `Unavailable` when no server begins to answer within ``wait`` seconds.
        """
        answer = await self._answer(method, path, wait, once, {"params": params, **body})
        async with answer:
            if answer.status >= 400:
                raise await _error(answer)
            try:
                yield answer
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                raise Unavailable(f"The server at {self.url} broke off its answer.") from error

    async def json(self, method: str, path: str, *, wait: float = PATIENCE, **body: Any) -> Any:
        """The JSON of an answer."""
        async with self.ask(method, path, wait=wait, **body) as answer, asyncio.timeout(max(wait, WHOLE)):
            return await answer.json() if answer.status != 204 else None

    async def bytes(self, method: str, path: str, *, wait: float = PATIENCE, **body: Any) -> bytes | None:
        """The body of an answer; None for one without content."""
        async with self.ask(method, path, wait=wait, **body) as answer, asyncio.timeout(max(wait, WHOLE)):
            return await answer.read() if answer.status != 204 else None

    async def _answer(
        self, method: str, path: str, wait: float, once: bool, body: Mapping[str, Any]
    ) -> aiohttp.ClientResponse:
        fault: Exception | None = None
        for url in self._urls[:1] if once else list(self._urls):
            try:
                async with asyncio.timeout(wait):
                    answer = await self._http.request(method, f"{url}{PREFIX}{path}", **body)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                fault = error
            else:
                if answer.status not in (500, 502, 503, 504) or url == self._urls[-1]:
                    return answer
                answer.release()
            if self._urls[0] == url:  # else another request has found out the same
                self._urls.append(self._urls.pop(0))
        where = url if once else ", ".join(self._urls)
        raise Unavailable(f"No server answers at {where}: see whether one runs.") from fault


async def _error(answer: aiohttp.ClientResponse) -> CodeForgeError:
    try:
        problem = await answer.json(content_type=None)
    except (ValueError, aiohttp.ClientError):
        problem = {}
    if "reason" in problem:
        return RunFailure(problem["reason"], problem["detail"])
    slug, detail = str(problem.get("type", "")).rsplit("/", 1)[-1], str(problem.get("detail", ""))
    return ERRORS.get(slug, Unavailable)(detail or f"The server answered with HTTP {answer.status}.")
