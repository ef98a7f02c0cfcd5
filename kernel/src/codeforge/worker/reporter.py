"""A run's events on their way to the coordinator: gathered for a moment, in order, with back-pressure."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import replace
from typing import Any

from codeforge.coordination import Coordinator
from codeforge.errors import Conflict, Unavailable
from codeforge.events import AgentEvent, Kind
from codeforge.model import Run, RunState
from codeforge.vault import cleaned
from codeforge.worker.patience import insist

FLUSH_SECONDS = 0.05
BATCH = 500
ROOM = 32 * 1024 * 1024
"""Bytes of output that a run's history keeps, each line counted with what it costs beside its text."""
BESIDE = 100
LAST = 200
"""Lines kept of the end of what is too much."""
OUTPUT = frozenset({Kind.SAID, Kind.THOUGHT, Kind.LOG, Kind.CHECK})


class Reporter:
    """``await reporter.add(event)`` as they come; ``await reporter.move(state, ...)`` flushes what came before.

    Servers that take nothing are asked again until the run is ``lost``, while the agent waits. Output without
    end fills neither memory nor disk: after 32 MiB only its last lines are kept.
    """

    def __init__(self, coordinator: Coordinator, run: Run, *, lost: asyncio.Event) -> None:
        self._coordinator, self._run, self._lost = coordinator, run, lost
        self._number = 0
        self._unsure: tuple[int, list[AgentEvent], dict[str, Any]] | None = None
        self._waiting: list[AgentEvent] = []
        self._since = 0.0
        self._room = ROOM
        self._last: deque[AgentEvent] = deque(maxlen=LAST)
        self._lock = asyncio.Lock()
        self._timer: asyncio.Task[None] | None = None
        self._error: Exception | None = None

    async def add(self, event: AgentEvent) -> None:
        """Take an event; waits while a full batch is being stored."""
        event = replace(event, data=cleaned(event.data))
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
        if "detail" in facts:
            facts["detail"] = cleaned(facts["detail"])
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
            if self._unsure:  # a report that nobody answered may be stored all the same: the very same goes first
                await self._deliver(*self._unsure)
            batch, self._waiting = self._waiting, []
            if facts:
                batch += self._last
                self._last.clear()
            if batch or facts:
                self._number += 1
                since = self._since or time.monotonic()
                await self._deliver(self._number, batch, facts)
                if batch:
                    self._coordinator.lagged(time.monotonic() - since)

    async def _deliver(self, number: int, batch: list[AgentEvent], facts: dict[str, Any]) -> None:
        run = self._run
        self._unsure = number, batch, facts
        try:
            await insist(
                lambda: self._coordinator.report(run.id, run.generation, batch, number=number, **facts), self._lost
            )
        except Conflict:  # refused as a whole
            self._waiting = batch + self._waiting
            self._unsure = None
            raise
        self._unsure = None

    async def _later(self) -> None:
        while self._waiting:  # also what came while a batch was on its way
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self._send()
            except Unavailable:
                return  # it is tried again with what comes next
            except Exception as error:
                self._error = error  # raised where somebody awaits it
                return
