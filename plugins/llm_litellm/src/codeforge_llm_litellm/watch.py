"""Cuts a call off when its run was stopped or its client has gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from codeforge import CodeForgeError, Forge, Unauthorized
from codeforge_llm_litellm.trouble import Trouble

if TYPE_CHECKING:
    from aiohttp import web

EVERY = 0.5
"""Seconds between two looks; a stopped run's call ends within about this time."""


@asynccontextmanager
async def watched(request: web.Request, forge: Forge, secret: str) -> AsyncIterator[None]:
    """Interrupts the block, by `Trouble`, when the key is not good any more or nobody reads the answer."""
    task = asyncio.current_task()
    assert task
    why: list[Trouble] = []

    async def watch() -> None:
        while not why:
            await asyncio.sleep(EVERY)
            if trouble := await _ended(request, forge, secret):
                why.append(trouble)
                task.cancel()

    watcher = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if why and task.uncancel() == 0:
            raise why[0] from None
        raise
    finally:
        watcher.cancel()


async def _ended(request: web.Request, forge: Forge, secret: str) -> Trouble | None:
    if request.transport is None or request.transport.is_closing():
        return gone()
    try:
        await forge.keys.open(secret)
    except Unauthorized:
        return Trouble(401, "run_ended", "The run was stopped: its key is not good any more.", sent=True)
    except CodeForgeError:  # the database is busy: look again later
        return None
    return None


def gone() -> Trouble:
    """The client went away before the end."""
    return Trouble(499, "client_gone", "The agent closed the connection before the answer's end.", sent=True)
