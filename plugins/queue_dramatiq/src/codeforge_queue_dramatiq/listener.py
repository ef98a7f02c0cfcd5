"""The listening side: a Dramatiq worker whose one actor asks the event loop for the answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError
from contextlib import suppress

from dramatiq import Actor, Broker, Worker

from codeforge_queue_dramatiq.threads import OneThread

_IDLE_MS = 200
"""How often idle threads look whether they shall stop."""
_GRACE = 2.0
"""Seconds that answers under way have left when the queue is closed."""
_log = logging.getLogger(__name__)

Answering = Callable[[str], Awaitable[None]]


def actor(broker: Broker, name: str, queue_name: str, listener: Listener | None) -> Actor[[str], None]:
    """The actor ``name`` that carries one text, bound to ``broker`` alone: the same name and queue on both sides."""
    import dramatiq

    @dramatiq.actor(actor_name=name, broker=broker, queue_name=queue_name)
    def carry(text: str) -> None:
        if listener:
            listener.hear(text)

    return carry


class Listener:
    """Takes up to ``at_once`` messages at a time: the next is fetched when the answer to one has returned.

    ``answer`` runs on ``loop`` and is given up after ``hold`` seconds.
    """

    def __init__(
        self, broker: Broker, loop: asyncio.AbstractEventLoop, answer: Answering, *, hold: float, at_once: int = 1
    ) -> None:
        self._loop, self._answer, self._hold = loop, answer, hold
        self._under_way: set[asyncio.Task[None]] = set()
        self._closed = False
        self._worker = Worker(broker, worker_threads=at_once, worker_timeout=_IDLE_MS)
        self._worker.queue_prefetch = at_once  # what this process cannot take yet is free for the others

    def start(self) -> None:
        """Begin to listen; the actor must be declared."""
        self._worker.start()

    def hear(self, text: str) -> None:
        """Called in Dramatiq's thread; returns, which acknowledges the message, when the answer has."""
        if not self._closed:
            with suppress(CancelledError):
                asyncio.run_coroutine_threadsafe(self._take(text), self._loop).result()

    async def stop(self, patience: float) -> None:
        """Take no further message, see answers under way to their end or cancel them, end the threads."""
        thread = OneThread("queue stops")
        stopping = asyncio.get_running_loop().run_in_executor(thread, self._worker.stop)
        thread.shutdown()
        await asyncio.wait([stopping], timeout=_GRACE)
        self._closed = True
        for task in self._under_way:
            task.cancel()
        done, _ = await asyncio.wait([stopping], timeout=patience)
        if not done:
            _log.warning(
                "The broker did not let go within %.0f seconds: its connection is left to end alone.", patience
            )

    async def _take(self, text: str) -> None:
        task = asyncio.current_task()
        assert task
        self._under_way.add(task)
        try:
            async with asyncio.timeout(self._hold) as held:
                await self._answer(text)
        except Exception as error:
            if held.expired():
                _log.info("Nobody was free for %s: it will be announced again.", text[:64])
            else:
                what = " ".join(f"{type(error).__name__}: {error}".split())
                _log.error("%s was not answered: %s", text[:64], what)
        finally:
            self._under_way.discard(task)
