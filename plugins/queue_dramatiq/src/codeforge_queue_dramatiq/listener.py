"""The listening side: a Dramatiq worker whose one actor, the doorbell, asks the event loop for the answer."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import CancelledError
from contextlib import suppress

import dramatiq
from dramatiq import Actor, Broker, Worker

from codeforge import Answer
from codeforge_queue_dramatiq.threads import OneThread

_IDLE_MS = 200
"""How often idle threads look whether they shall stop."""
_GRACE = 2.0
"""Seconds that an answer under way has left when the queue is closed."""
_log = logging.getLogger(__name__)


def doorbell(broker: Broker, queue_name: str, listener: Listener | None) -> Actor[[str], None]:
    """The actor that carries a run id, bound to ``broker`` alone: the same name and queue on both sides."""

    @dramatiq.actor(actor_name="ready", broker=broker, queue_name=queue_name)
    def ready(run_id: str) -> None:
        if listener:
            listener.hear(run_id)

    return ready


class Listener:
    """Takes one ring at a time: the next is fetched when the answer to this one has returned.

    ``answer`` runs on ``loop`` and is given up after ``hold`` seconds.
    """

    def __init__(self, broker: Broker, loop: asyncio.AbstractEventLoop, answer: Answer, hold: float) -> None:
        self._loop, self._answer, self._hold = loop, answer, hold
        self._under_way: asyncio.Task[None] | None = None
        self._closed = False
        self._worker = Worker(broker, worker_threads=1, worker_timeout=_IDLE_MS)
        self._worker.queue_prefetch = 1  # what this worker cannot take yet is free for the others

    def start(self) -> None:
        """Begin to listen; the actor must be declared."""
        self._worker.start()

    def hear(self, run_id: str) -> None:
        """Called in Dramatiq's thread; returns, which acknowledges the message, when the answer has."""
        if not self._closed:
            with suppress(CancelledError):
                asyncio.run_coroutine_threadsafe(self._take(run_id), self._loop).result()

    async def stop(self, patience: float) -> None:
        """Take no further ring, see answers under way to their end or cancel them, end the threads."""
        thread = OneThread("queue stops")
        stopping = asyncio.get_running_loop().run_in_executor(thread, self._worker.stop)
        thread.shutdown()
        await asyncio.wait([stopping], timeout=_GRACE)
        self._closed = True
        if self._under_way:
            self._under_way.cancel()
        done, _ = await asyncio.wait([stopping], timeout=patience)
        if not done:
            _log.warning(
                "The broker did not let go within %.0f seconds: its connection is left to end alone.", patience
            )

    async def _take(self, run_id: str) -> None:
        self._under_way = asyncio.current_task()
        try:
            async with asyncio.timeout(self._hold) as held:
                await self._answer(run_id)
        except Exception as error:
            if held.expired():
                _log.info("Nobody was free for run %s: it will be announced again.", run_id)
            else:
                what = " ".join(f"{type(error).__name__}: {error}".split())
                _log.error("The ring for run %s was not answered: %s", run_id, what)
        finally:
            self._under_way = None
