"""One line of a queue: a Dramatiq broker in a thread of its own, one actor on it, and perhaps a listener."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from codeforge import CodeForgeError, Unavailable
from codeforge_queue_dramatiq.threads import OneThread

if TYPE_CHECKING:
    from dramatiq import Actor, Broker

    from codeforge_queue_dramatiq.listener import Answering, Listener

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Line:
    """Carries texts to the actor ``name`` on the queue ``queue``. ``explain`` makes a sentence of the broker's errors.

    Nothing of Dramatiq is imported, and no broker talked to, on the event loop.
    """

    def __init__(
        self, name: str, queue: str, explain: Callable[[Exception], str], patience: Callable[[], float]
    ) -> None:
        self._name, self._queue, self._explain, self._patience = name, queue, explain, patience
        self._thread: OneThread | None = OneThread(f"{name} line")
        self._broker: Broker | None = None
        self._listener: Listener | None = None
        self._actor: Actor[[str], None]

    async def open(
        self, connect: Callable[[], Broker], answer: Answering | None, *, hold: float, at_once: int = 1
    ) -> None:
        """Connect; with ``answer``, also listen. Raises `Unavailable`, or what ``connect`` raises on purpose."""
        loop = asyncio.get_running_loop()

        def make() -> None:
            self._broker = connect()
            from codeforge_queue_dramatiq.listener import Listener, actor

            if answer is not None:
                self._listener = Listener(self._broker, loop, answer, hold=hold, at_once=at_once)
            self._actor = actor(self._broker, self._name, self._queue, self._listener)

        await self.do(make, 3 * self._patience())
        if self._listener:
            self._listener.start()

    async def send(self, text: str) -> None:
        """Return once the broker has the text. Raises `Unavailable`."""
        await self.do(lambda: self._actor.send(text))

    async def do(self, work: Callable[[], T], seconds: float = 0.0) -> T:
        """Have ``work`` done in the line's own thread, to which its connection belongs. Raises `Unavailable`."""
        if self._thread is None:
            raise Unavailable("The queue is closed: nothing can be announced.")
        done = self._thread.submit(work)
        try:
            async with asyncio.timeout(seconds or self._patience()):
                return await asyncio.wrap_future(done)
        except CodeForgeError:
            raise
        except Exception as error:
            raise Unavailable(self._explain(error)) from None

    @property
    def broker(self) -> Broker:
        """The broker, to be used in the line's thread only."""
        assert self._broker
        return self._broker

    async def deafen(self) -> None:
        """Stop listening, give answers under way a moment before they are cancelled; what is sent still goes."""
        listener, self._listener = self._listener, None
        if listener:
            await listener.stop(self._patience())

    async def close(self) -> None:
        """Stop listening and disconnect."""
        await self.deafen()
        broker, self._broker = self._broker, None
        thread, self._thread = self._thread, None
        if thread:
            closing = thread.submit(broker.close) if broker else None
            thread.shutdown()
            if closing and not (await asyncio.wait([asyncio.wrap_future(closing)], timeout=self._patience()))[0]:
                _log.warning("The broker of %s hangs: its connection is left to end by itself.", self._name)
