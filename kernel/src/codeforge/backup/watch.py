"""Lets work in threads tell how far it is, and ends it between two steps when nobody wants it any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Stopped(Exception):
    """The work was given up; it leaves nothing behind."""


class Watch:
    """``tell(what, done)`` is called with what is worked on and how many rows or bytes of it are done."""

    def __init__(self, tell: Callable[[str, int], None] = lambda what, done: None) -> None:
        self._tell, self._stop = tell, threading.Event()

    def stop(self) -> None:
        """End the work at its next step."""
        self._stop.set()

    def step(self, what: str) -> Callable[[int], None]:
        """Tells of a piece of work, to be called with the size of each part that is done. Raises `Stopped`."""
        done = 0
        self._tell(what, 0)

        def one(size: int) -> None:
            nonlocal done
            if self._stop.is_set():
                raise Stopped
            done += size
            self._tell(what, done)

        return one

    async def over(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for work that threads do. When nobody waits any more, it is stopped, and has ended on return."""
        task = asyncio.ensure_future(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self.stop()
            await asyncio.gather(task, return_exceptions=True)
            raise
