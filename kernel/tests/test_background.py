"""Work in the background ends when it is told to, in whatever moment that is."""

from __future__ import annotations

import asyncio

import pytest

from codeforge import Unavailable
from codeforge.boot.background import background
from codeforge.worker.patience import insist


@pytest.mark.parametrize("moment", range(6))
async def test_work_that_is_told_to_end_just_as_it_was_woken_does_end(moment):
    """`asyncio.wait_for` forgot such a cancellation, and a server waited for its own work for ever."""
    woken = asyncio.Event()

    async def away() -> None:
        if woken.is_set():
            await asyncio.get_running_loop().create_future()  # as the next call of a server that goes on
        raise Unavailable("not now")

    async with asyncio.timeout(5):
        async with background(insist(away, woken)):
            await asyncio.sleep(0.01)
            woken.set()
            for _ in range(moment):
                await asyncio.sleep(0)
