"""Asking again while somebody does not answer, for as long as the run is still ours."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from codeforge.errors import Unavailable

T = TypeVar("T")
RETRY_SECONDS = 0.5


async def insist(ask: Callable[[], Awaitable[T]], lost: asyncio.Event) -> T:
    """What ``ask`` gives; it is called again when it raises `Unavailable`, until ``lost`` is set."""
    while True:
        try:
            return await ask()
        except Unavailable:
            if lost.is_set():
                raise
        with suppress(TimeoutError):
            async with asyncio.timeout(RETRY_SECONDS):
                await lost.wait()
