"""Pieces of a page that keep themselves up to date: sent again over SSE whenever a run's state changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress

from aiohttp import web

from codeforge import Kind
from codeforge.http import FORGE, who
from codeforge.http.live import BEAT, batches

SHOWN = frozenset({Kind.STATE, Kind.CHANGE, Kind.REVIEW})
APART = 0.3
"""Seconds between two pieces: a hundred changes at once are one."""


async def stream(
    request: web.Request,
    piece: Callable[[], Awaitable[str]],
    *,
    apart: float = APART,
    every: float | None = None,
) -> web.StreamResponse:
    """Send ``piece()`` now and after each change, until the browser goes or the server closes.

    ``apart`` are the seconds between two: more for a piece that is dear to make. ``every`` so many seconds it is
    sent without a change, too: for what changes and is no run's event.
    """
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    last = await request.app[FORGE].history.last(who(request).tenant_id)
    await answer.prepare(request)
    with suppress(ConnectionError):
        await answer.write(_message(await piece()))
        sent = time.monotonic()
        async with aclosing(batches(request, None, last, beat=every or BEAT)) as coming:
            async for batch in coming:
                stale = every is not None and time.monotonic() - sent >= every
                if stale or any(event.kind in SHOWN for event in batch):
                    await answer.write(_message(await piece()))
                    sent = time.monotonic()
                    await asyncio.sleep(apart)
                elif not batch:
                    await answer.write(b": still here\n\n")
    return answer


def _message(text: str) -> bytes:
    return "".join(f"data: {line}\n" for line in text.replace("\r", "").split("\n")).encode() + b"\n"
