"""A run's events on their way to the coordinator: gathered for a moment, in order, with back-pressure."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from codeforge.errors import Unavailable
from codeforge.events import AgentEvent, Kind
from codeforge.forge import Coordinator
from codeforge.model import Run, RunState

FLUSH_SECONDS = 0.05
BATCH = 500


class Reporter:
    """``await reporter.add(event)`` as they come; ``await reporter.move(state, ...)`` flushes what came before."""

    def __init__(self, coordinator: Coordinator, run: Run) -> None:
        self._coordinator, self._run = coordinator, run
        self._waiting: list[AgentEvent] = []
        self._lock = asyncio.Lock()
        self._timer: asyncio.Task[None] | None = None

    async def add(self, event: AgentEvent) -> None:
        """Take an event; waits while a full batch is being stored."""
        self._waiting.append(event)
        if len(self._waiting) >= BATCH:
            await self.flush()
        elif self._timer is None or self._timer.done():
            self._timer = asyncio.create_task(self._later())

    async def say(self, text: str) -> None:
        """A line about what CodeForge itself is doing."""
        await self.add(AgentEvent(Kind.PROGRESS, {"text": text}))

    async def flush(self) -> None:
        """Store what is waiting. Raises `Fenced` when the run is another worker's by now."""
        await self._send()

    async def move(self, state: RunState, **facts: Any) -> None:
        """Store what is waiting, then move the run."""
        await self._send(state=state, **facts)

    async def fact(self, **facts: Any) -> None:
        """Store columns of the run, such as its base."""
        await self._send(**facts)

    async def _send(self, **facts: Any) -> None:
        async with self._lock:
            batch, self._waiting = self._waiting, []
            if not batch and not facts:
                return
            try:
                await self._coordinator.report(self._run.id, self._run.generation, batch, **facts)
            except Unavailable:
                self._waiting = batch + self._waiting
                raise

    async def _later(self) -> None:
        await asyncio.sleep(FLUSH_SECONDS)
        with suppress(Exception):  # whatever is wrong shows at the next move, which somebody awaits
            await self.flush()
