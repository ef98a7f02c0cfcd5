"""A run's events on their way to the coordinator: gathered for a moment, in order, with back-pressure."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any

from codeforge.coordination import Coordinator
from codeforge.errors import Conflict, Unavailable
from codeforge.events import AgentEvent, Kind
from codeforge.model import Run, RunState

FLUSH_SECONDS = 0.05
BATCH = 500
RETRY_SECONDS = 0.5
ROOM = 32 * 1024 * 1024
"""Bytes of output that a run's history keeps, each line counted with what it costs beside its text."""
BESIDE = 100
LAST = 200
"""Lines kept of the end of what is too much."""
OUTPUT = frozenset({Kind.SAID, Kind.THOUGHT, Kind.LOG, Kind.CHECK})


class Reporter:
    """``await reporter.add(event)`` as they come; ``await reporter.move(state, ...)`` flushes what came before.

    A database that takes nothing is asked again for ``patience`` seconds, while the agent waits. Output without
    end fills neither memory nor disk: after 32 MiB only its last lines are kept.
    """

    def __init__(self, coordinator: Coordinator, run: Run, *, patience: float) -> None:
        self._coordinator, self._run, self._patience = coordinator, run, patience
        self._number = 0
        self._waiting: list[AgentEvent] = []
        self._since = 0.0
        self._room = ROOM
        self._last: deque[AgentEvent] = deque(maxlen=LAST)
        self._lock = asyncio.Lock()
        self._timer: asyncio.Task[None] | None = None
        self._error: Exception | None = None

    async def add(self, event: AgentEvent) -> None:
        """Take an event; waits while a full batch is being stored."""
        if event.kind in OUTPUT and self._full(event):
            return
        self._since = self._since if self._waiting else time.monotonic()
        self._waiting += [*self._last, event]
        self._last.clear()
        if len(self._waiting) >= BATCH or self._error:
            await self._send()
        elif self._timer is None or self._timer.done():
            self._timer = asyncio.create_task(self._later())

    def _full(self, event: AgentEvent) -> bool:
        """Whether an event of output is one too many; its end comes before whatever is said next."""
        fits = self._room > 0
        self._room -= BESIDE + len(str(event.data.get("text", "")))
        if fits and self._room <= 0:
            text = "There is too much output: from here on only the end of it is kept."
            self._waiting += [event, AgentEvent(Kind.PROGRESS, {"text": text})]
            return True
        if not fits:
            self._last.append(event)
        return not fits

    async def say(self, text: str) -> None:
        """A line about what CodeForge itself is doing."""
        await self.add(AgentEvent(Kind.PROGRESS, {"text": text}))

    async def move(self, state: RunState, **facts: Any) -> None:
        """Store what is waiting, then move the run. Raises `Fenced` when it is another worker's by now."""
        await self._send(state=state, **facts)

    async def fact(self, **facts: Any) -> None:
        """Store columns of the run, such as its base."""
        await self._send(**facts)

    async def _send(self, **facts: Any) -> None:
        """To the end even when the caller is cancelled: else nobody knew whether the events are stored."""
        await asyncio.shield(asyncio.ensure_future(self._sent(facts)))

    async def _sent(self, facts: dict[str, Any]) -> None:
        async with self._lock:
            if error := self._error:
                self._error = None
                raise error
            batch, since, self._waiting = self._waiting, self._since or time.monotonic(), []
            if facts:
                batch += self._last
                self._last.clear()
            if not batch and not facts:
                return
            self._number += 1
            deadline = time.monotonic() + self._patience
            while True:
                try:
                    await self._coordinator.report(
                        self._run.id, self._run.generation, batch, number=self._number, **facts
                    )
                    if batch:
                        self._coordinator.lagged(time.monotonic() - since)
                    break
                except (Conflict, Unavailable) as error:
                    if isinstance(error, Conflict) or time.monotonic() > deadline:
                        self._waiting = batch + self._waiting
                        raise
                await asyncio.sleep(RETRY_SECONDS)

    async def _later(self) -> None:
        await asyncio.sleep(FLUSH_SECONDS)
        try:
            await self._send()
        except Unavailable:
            return  # it is tried again with what comes next
        except Exception as error:
            self._error = error  # raised where somebody awaits it
