"""Pieces of a page that keep themselves up to date: sent again over SSE whenever a run's state changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress

from aiohttp import web

from codeforge import Kind
from codeforge.http import FORGE, who
from codeforge.http.live import batches

SHOWN = frozenset({Kind.STATE, Kind.CHANGE, Kind.REVIEW})
APART = 0.3
"""Seconds between two pieces: a hundred changes at once are one."""


async def stream(
    request: web.Request, piece: Callable[[], Awaitable[str]], *, apart: float = APART
) -> web.StreamResponse:
    """Send ``piece()`` now and after each change, until the browser goes or the server closes.

    ``apart`` are the seconds between two: more for a piece that is dear to make.
    """
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    last = await request.app[FORGE].history.last(who(request).tenant_id)
    await answer.prepare(request)
    with suppress(ConnectionError):
        await answer.write(_message(await piece()))
        async with aclosing(batches(request, None, last)) as coming:
            async for batch in coming:
                if any(event.kind in SHOWN for event in batch):
                    await answer.write(_message(await piece()))
                    await asyncio.sleep(apart)
                elif not batch:
                    await answer.write(b": still here\n\n")
    return answer


def _message(text: str) -> bytes:
    return "".join(f"data: {line}\n" for line in text.replace("\r", "").split("\n")).encode() + b"\n"
