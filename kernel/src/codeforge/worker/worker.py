"""A worker with a few slots: the doorbell fills a free one, and each slot's run is a task of its own."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from types import TracebackType

from codeforge.coordination import Coordinator
from codeforge.errors import CodeForgeError
from codeforge.forge import Offers
from codeforge.settings import Settings
from codeforge.worker import leftovers
from codeforge.worker.execution import Execution
from codeforge.worker.room import Room
from codeforge.worker.source import Source
from codeforge.worker.tidying import Tidying

log = logging.getLogger(__name__)


class Worker:
    """Works on up to ``settings.slots`` runs at once. Leaving the block hands unfinished runs back to the queue."""

    def __init__(
        self, coordinator: Coordinator, source: Source, offers: Offers, settings: Settings, *, id: str
    ) -> None:
        self.id = id
        self._coordinator, self._source, self._offers, self._settings = coordinator, source, offers, settings
        self.room = Room(settings)
        self._tidying = Tidying(coordinator, source, offers, settings, room=self.room, at_work=self._at_work)
        self._tidy: asyncio.Task[None] | None = None
        self._slots = asyncio.Semaphore(settings.slots)
        self._executions: set[asyncio.Task[None]] = set()
        self._claims: set[asyncio.Task[None]] = set()
        self._closing = self._draining = self._paused = False

    async def __aenter__(self) -> Worker:
        self._tidy = asyncio.create_task(self._tidying.run())
        return self

    @property
    def at_work(self) -> int:
        """How many runs it has."""
        return len(self._executions)

    def pause(self, paused: bool) -> None:
        """Take no more runs, or take some again; those it has go on."""
        if self._paused and not paused:
            self._look_again()
        self._paused = paused

    def drain(self) -> None:
        """Take no more runs for good, whatever a server says; those it has go on."""
        self._draining = True

    async def idle(self) -> None:
        """Return when it has no run."""
        while self._executions or self._claims:
            await asyncio.wait([*self._executions, *self._claims])

    def _at_work(self) -> set[str]:
        """The names of the folders in which runs are at work here."""
        return {task.get_name().removeprefix("run ") for task in self._executions}

    async def recover(self) -> None:
        """Save what an earlier life of this worker left in its workspaces, then remove them."""
        await leftovers.save(self._settings.data_dir / "runs", self._coordinator, self._source, self._offers)

    async def answer(self, run_id: str) -> None:
        """Answer the doorbell: wait for a free slot, claim what is first in the queue, and start on it.

        The run that is claimed need not be ``run_id``: the queue's order counts, not the message's.
        """
        await self._slots.acquire()
        claim = asyncio.create_task(self._claim())
        self._claims.add(claim)
        claim.add_done_callback(self._claims.discard)
        await asyncio.shield(claim)  # a caller that gives up must not leave a run claimed by nobody

    async def _claim(self) -> None:
        started = False
        try:
            able = not (self._closing or self._draining or self._paused) and self.room.enough()
            asked = time.monotonic()
            if able and (assignment := await self._coordinator.claim(self.id)):
                parts = self._coordinator, self._source, self._offers, self._settings
                execution = Execution(assignment, *parts, asked=asked)
                task = asyncio.create_task(execution.run(), name=f"run {assignment.run.id}-{assignment.run.generation}")
                self._executions.add(task)
                task.add_done_callback(self._done)
                started = True
        finally:
            if not started:
                self._slots.release()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._executions.discard(task)
        self._slots.release()
        self._look_again()
        if not task.cancelled() and (error := task.exception()):
            log.error("%s ended by an error of CodeForge", task.get_name(), exc_info=error)

    def _look_again(self) -> None:
        """A slot is free: whoever waits in the queue need not wait for a ring."""
        if not self._closing:
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        with suppress(CodeForgeError):
            await self.answer("")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        if self._tidy:
            self._tidy.cancel()
            await asyncio.wait([self._tidy])
        await asyncio.gather(*self._claims, return_exceptions=True)
        for task in self._executions:
            task.cancel()
        await asyncio.gather(*self._executions, return_exceptions=True)
