"""Events between the agent, which speaks when it likes, and whoever reads them, perhaps slowly."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from codeforge import AgentEvent

FULL = 1000


class Outbox:
    """``clean`` is applied to every text: what an agent says must not show a key."""

    def __init__(self, clean: Callable[[str], str]) -> None:
        self._clean = clean
        self._events: deque[AgentEvent] = deque()
        self._closed = False
        self._more, self._room = asyncio.Event(), asyncio.Event()
        self._room.set()

    def put(self, event: AgentEvent) -> None:
        """Take an event; never waits."""
        self._events.append(self.cleaned(event))
        self._more.set()
        if len(self._events) >= FULL:
            self._room.clear()

    def cleaned(self, event: AgentEvent) -> AgentEvent:
        """The event without keys."""
        told = {name: self._clean(value) if isinstance(value, str) else value for name, value in event.data.items()}
        return AgentEvent(event.kind, told)

    def close(self) -> None:
        """There is no more to come."""
        self._closed = True
        self._more.set()

    async def room(self) -> None:
        """Wait until the reader has caught up."""
        await self._room.wait()

    async def __aiter__(self) -> AsyncIterator[AgentEvent]:
        while True:
            while self._events:
                event = self._events.popleft()
                if len(self._events) < FULL // 2:
                    self._room.set()
                yield event
            if self._closed:
                return
            self._more.clear()
            await self._more.wait()
