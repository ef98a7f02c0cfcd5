"""The way out of a sandbox to the model gateway, at a unix socket: nothing else of the server answers there."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

log = logging.getLogger(__name__)
BLOCK = 65536
HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
     "transfer-encoding", "upgrade"}
)  # fmt: skip
"""Header fields of one connection, not of what goes through it."""
NOT_PASSED = HOP | {"host", "cookie", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "expect"}


@dataclass
class Way:
    """Where the door leads: to a ``server``, and for what comes with this ``key`` or none."""

    server: str
    key: str


@asynccontextmanager
async def gateway_door(door: socket.socket, gateway: str, key: str) -> AsyncIterator[Way]:
    """Pass on what comes to ``door`` and is meant for the model gateway, with the run's own ``key`` or none.

    ``gateway`` is its base URL (".../llm/v1"); what lies beside its last part belongs to it, too (".../llm/anthropic").
    Gives the way that requests take, which may be changed.
    """
    parts = urlsplit(gateway)
    below, way = parts.path.rstrip("/").rpartition("/")[0] + "/", Way(f"{parts.scheme}://{parts.netloc}", key)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=30)
    async with aiohttp.ClientSession(
        timeout=timeout, auto_decompress=False, connector=aiohttp.TCPConnector(limit=0)
    ) as http:

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            if why := _refusal(request, below, way.key):
                return web.Response(status=403, text=why + "\n")
            return await _pass_on(request, http, way.server)

        runner = web.ServerRunner(
            web.Server(handle, handler_cancellation=True, auto_decompress=False, access_log=None), shutdown_timeout=0.1
        )
        await runner.setup()
        try:
            await web.SockSite(runner, door).start()
            yield way
        finally:
            await runner.cleanup()


def _refusal(request: web.BaseRequest, below: str, key: str) -> str:
    """Why a request does not go through, or ""."""
    path = request.raw_path.partition("?")[0]
    plain = unquote(unquote(path))
    parts = plain.split("/")
    if not plain.startswith(below) or ".." in parts or "." in parts or "" in parts[1:-1] or "\\" in plain:
        return "This sandbox lets nothing of CodeForge through but the model gateway."
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    given = [secret.strip()] if kind else []
    given += request.headers.getall("x-api-key", [])
    if any(one != key for one in given) or len(request.headers.getall("Authorization", [])) > 1:
        return "This sandbox lets no key through but its run's own."
    return ""


async def _pass_on(request: web.BaseRequest, http: aiohttp.ClientSession, base: str) -> web.StreamResponse:
    headers = [(name, value) for name, value in request.headers.items() if name.lower() not in NOT_PASSED]
    body = request.content.iter_chunked(BLOCK) if request.body_exists else None
    url = URL(base + request.raw_path, encoded=True)
    try:
        async with http.request(request.method, url, headers=headers, data=body, allow_redirects=False) as answer:
            response = web.StreamResponse(status=answer.status, reason=answer.reason)
            for name, value in answer.headers.items():
                if name.lower() not in HOP:
                    response.headers.add(name, value)
            await response.prepare(request)
            async for block in answer.content.iter_any():
                await response.write(block)
            await response.write_eof()
            return response
    except (aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError, TimeoutError) as error:
        log.warning("the model gateway does not answer: %s", error)
        why = "it takes no connection" if isinstance(error, aiohttp.ClientConnectorError) else "it broke off"
        return web.Response(status=502, text=f"The model gateway does not answer: {why}.\n")
