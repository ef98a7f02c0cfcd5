"""News: what has just changed, for those who wait for it here and, through the queue, on every other server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

MISSED: dict[str, Any] = {"missed": True}
"""What a queue lets its listeners hear when it has connected anew: news may have been sent to nobody before."""
AGAIN = 1.0
"""Seconds until news that could not be sent are sent again."""
PAUSE = 0.005
"""Seconds in which news are gathered before they go to the other servers."""


def events(of: str) -> str:
    """The topic of new events, of a run or of a whole tenant."""
    return f"events {of}"


def orders(run_id: str) -> str:
    """The topic of what people want of a run."""
    return f"orders {run_id}"


class News:
    """Topics, and the bells of those who wait for them. Nothing but latency depends on news.

    Belongs to one event loop.
    """

    def __init__(self) -> None:
        self._bells: dict[str, set[asyncio.Event]] = {}
        self._outgoing: set[str] = set()
        self._waiting = asyncio.Event()
        self._spreads = False

    @contextmanager
    def bell(self, topic: str) -> Iterator[asyncio.Event]:
        """An event that is set when there is news of ``topic``; the waiter clears it."""
        bell = asyncio.Event()
        self._bells.setdefault(topic, set()).add(bell)
        try:
            yield bell
        finally:
            self._bells[topic].discard(bell)
            if not self._bells[topic]:
                del self._bells[topic]

    def tell(self, topics: Iterable[str]) -> None:
        """There is news, committed to the database: wake those who wait, here and elsewhere."""
        topics = list(topics)
        self._wake(topics)
        if self._spreads:
            self._outgoing.update(topics)
            self._waiting.set()

    def hear(self, message: dict[str, Any]) -> None:
        """News from another server, or the word that some may have been missed: then all look again."""
        self._wake([*self._bells] if message == MISSED else message.get("topics", ()))

    def _wake(self, topics: Iterable[str]) -> None:
        for topic in topics:
            for bell in self._bells.get(topic, ()):
                bell.set()

    async def spread(self, send: Callable[[dict[str, Any]], Awaitable[bool]]) -> None:
        """Tell the other servers, for ever; news are gathered for a moment, and kept while they cannot be sent."""
        self._spreads = True
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            topics, self._outgoing = self._outgoing, set()
            if await send({"topics": sorted(topics)}):
                await asyncio.sleep(PAUSE)
            else:
                self._outgoing |= topics
                self._waiting.set()
                await asyncio.sleep(AGAIN)
