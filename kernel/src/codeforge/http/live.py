"""Events as they come, for answers without end: in batches, with a beat when it is quiet, until the server closes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import suppress

from aiohttp import web

from codeforge.events import Event
from codeforge.http.auth import check_again
from codeforge.http.context import CLOSING, FORGE, who

BEAT = 15.0
"""Seconds of quiet after which a follower is given an empty batch, to find out whether its client is still there."""


async def batches(
    request: web.Request, run_id: str | None, after: int, *, beat: float = BEAT
) -> AsyncGenerator[list[Event], None]:
    """Every event after ``after``, then new ones, in batches; an empty one each ``beat`` seconds of quiet.

    Ends when the server closes. Raises `Unauthorized` within a beat after the token or session has ended.
    """
    forge, closing = request.app[FORGE], asyncio.ensure_future(request.app[CLOSING].wait())
    source = forge.history.follow(who(request).tenant_id, run_id, after)
    coming = asyncio.ensure_future(anext(source))
    known = time.monotonic()
    try:
        while True:
            await asyncio.wait({coming, closing}, timeout=beat, return_when=asyncio.FIRST_COMPLETED)
            if closing.done():
                return
            if time.monotonic() - known >= beat or not coming.done():  # events without a pause hide no revocation
                await check_again(request)
                known = time.monotonic()
            if not coming.done():
                yield []
                continue
            batch = coming.result()
            yield batch
            coming = asyncio.ensure_future(anext(source))
    finally:
        for task in (coming, closing):
            task.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await task
        await source.aclose()
