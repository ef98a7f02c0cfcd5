"""The WebSocket /api/v1/stream: every event of the tenant, or of one run, as JSON arrays, without gaps."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress

from aiohttp import WSCloseCode, web

from codeforge.errors import Unauthorized
from codeforge.http import live, reading
from codeforge.http.auth import check_same_origin
from codeforge.http.context import FORGE, who
from codeforge.http.encode import events_json
from codeforge.http.schemas import StreamParameters

PING = 30.0
"""Seconds between pings; a client that does not answer one within half of that is gone."""


GOODBYE = 2.0
"""Seconds that a client gets to answer the closing of the stream."""


async def stream(request: web.Request) -> web.StreamResponse:
    """``after`` is the last offset (with ``run``: the last seq of that run) that the client has seen.

    Without ``after`` a run is told from its start; all runs from the newest event on, so that the client knows
    its place. A slow client is waited for: the database keeps what it has not read.
    """
    check_same_origin(request)
    asked = reading.parameters(request, StreamParameters, {})
    forge, tenant = request.app[FORGE], who(request).tenant_id
    if asked.run is not None:
        await forge.runs.get(who(request), asked.run)
    after = asked.after
    if after is None:
        after = 0 if asked.run else max(0, await forge.history.last(tenant) - 1)
    socket = web.WebSocketResponse(heartbeat=PING, timeout=GOODBYE, max_msg_size=4096, compress=False)
    await socket.prepare(request)
    code = WSCloseCode.GOING_AWAY
    writer = asyncio.ensure_future(_write(request, socket, asked.run, after))
    reader = asyncio.ensure_future(_read(socket))
    try:
        await asyncio.wait({writer, reader}, return_when=asyncio.FIRST_COMPLETED)
        if writer.done() and isinstance(writer.exception(), Unauthorized):
            code = WSCloseCode.POLICY_VIOLATION
    finally:
        for task in (writer, reader):
            task.cancel()
            with suppress(asyncio.CancelledError, ConnectionError, Unauthorized):
                await task
    await socket.close(code=code)
    return socket


async def _write(request: web.Request, socket: web.WebSocketResponse, run_id: str | None, after: int) -> None:
    async with aclosing(live.batches(request, run_id, after)) as batches:
        async for batch in batches:
            if batch:
                await socket.send_str(events_json(batch))


async def _read(socket: web.WebSocketResponse) -> None:
    """Take what the client sends (nothing is expected): only by reading is a client's going noticed."""
    async for _ in socket:
        pass


ROUTES = (web.get("/api/v1/stream", stream),)
