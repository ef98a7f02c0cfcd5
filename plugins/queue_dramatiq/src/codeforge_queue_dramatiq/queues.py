"""The two queues: one actor, the doorbell, on Dramatiq's RabbitMQ broker or on one in memory."""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from codeforge import Answer, CodeForgeError, Health, Queue, Unavailable
from codeforge_queue_dramatiq.threads import OneThread

if TYPE_CHECKING:
    from dramatiq import Actor, Broker

    from codeforge_queue_dramatiq.listener import Listener

QUEUE = "codeforge.runs"
LIMIT = 10_000
"""Rings that may wait; the oldest goes when one more comes. What is still ready is rung again anyway."""

PROBE = 3.0
"""Seconds that RabbitMQ has to answer when somebody asks how it is."""

P = ParamSpec("P")
T = TypeVar("T")
_log = logging.getLogger(__name__)


class DramatiqQueue(Queue):
    """What both have in common. Nothing of Dramatiq is imported, and no broker talked to, on the event loop."""

    patience: float = 5.0
    """Seconds that the broker has to take a ring or to say good-bye; three times that to connect."""

    hold: float = 20 * 60.0
    """Seconds after which a ring that nobody is free for is dropped: RabbitMQ takes it back after 30 minutes."""

    _thread: OneThread | None = None
    _broker: Broker | None = None
    _listener: Listener | None = None
    _actor: Actor[[str], None]

    @abstractmethod
    def _connect(self, url: str) -> Broker:
        """A broker that has the queue. Called in the queue's own thread."""

    @abstractmethod
    def _explain(self, error: Exception) -> str:
        """What is wrong with the broker and what to do: a sentence without anything secret."""

    async def open(self, url: str, answer: Answer | None) -> None:
        """Connect to ``url``; with ``answer``, also listen. Raises `Unavailable`, or `Invalid` for a broken URL."""
        self._thread = OneThread(f"{self.name} queue")
        try:
            loop = asyncio.get_running_loop()
            made = await self._do(3 * self.patience, self._make, url, loop, answer)
            self._broker, self._listener, self._actor = made
            if self._listener:
                self._listener.start()
        except BaseException:
            await self.close()
            raise

    async def ring(self, run_id: str) -> None:
        """Publish "this run is ready" and return once the broker has it. Raises `Unavailable`."""
        await self._do(self.patience, self._send, run_id)

    async def close(self) -> None:
        """Stop listening, give answers under way a moment before they are cancelled, disconnect."""
        listener, self._listener = self._listener, None
        if listener:
            await listener.stop(self.patience)
        broker, self._broker = self._broker, None
        thread, self._thread = self._thread, None
        if thread:
            closing = thread.submit(broker.close) if broker else None
            thread.shutdown()
            if closing and not (await asyncio.wait([asyncio.wrap_future(closing)], timeout=self.patience))[0]:
                _log.warning("The %s queue's broker hangs: its connection is left to end by itself.", self.name)

    def _make(
        self, url: str, loop: asyncio.AbstractEventLoop, answer: Answer | None
    ) -> tuple[Broker, Listener | None, Actor[[str], None]]:
        broker = self._connect(url)
        from codeforge_queue_dramatiq.listener import Listener, doorbell

        listener = Listener(broker, loop, answer, self.hold) if answer is not None else None
        return broker, listener, doorbell(broker, QUEUE, listener)

    def _send(self, run_id: str) -> None:
        self._actor.send(run_id)

    async def _do(self, seconds: float, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Have ``work`` done in the queue's own thread, to which its connection belongs."""
        if self._thread is None:
            raise Unavailable(f"The {self.name} queue is closed: nothing can be announced to the workers.")
        done = self._thread.submit(work, *args, **kwargs)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(done), seconds)
        except CodeForgeError:
            raise
        except Exception as error:
            raise Unavailable(self._explain(error)) from None


class MemoryQueue(DramatiqQueue):
    """Within one process: each object is a queue of its own, whatever follows ``memory://``."""

    name = "memory"
    schemes = ("memory",)

    def _connect(self, url: str) -> Broker:
        from codeforge_queue_dramatiq.local import LocalBroker

        return LocalBroker(limit=LIMIT)

    def _explain(self, error: Exception) -> str:
        return f"The memory queue failed with {type(error).__name__}: restart CodeForge and report it."


class RabbitQueue(DramatiqQueue):
    """Between processes and machines, through RabbitMQ: ``amqp://USER:PASSWORD@HOST:PORT/VHOST``."""

    name = "rabbitmq"
    schemes = ("amqp", "amqps")

    _where = ""

    def _connect(self, url: str) -> Broker:
        from codeforge_queue_dramatiq import rabbit

        parameters = rabbit.parse(url)
        self._where = rabbit.where(parameters)
        broker = rabbit.RabbitBroker(parameters, limit=LIMIT)
        broker.declare_queue(QUEUE, ensure=True)
        return broker

    async def health(self) -> Health:
        """Whether RabbitMQ answers on the connection that rings go over."""
        from codeforge_queue_dramatiq.trouble import diagnose

        if self._thread is None:
            return Health(name="broker", ok=False, detail="The queue is closed.")
        try:
            await asyncio.wait_for(asyncio.wrap_future(self._thread.submit(self._probe)), min(self.patience, PROBE))
        except Exception as error:
            what, remedy = diagnose(error, self._where)
            return Health(name="broker", ok=False, detail=what, fix=remedy)
        return Health(name="broker", ok=True, detail=f"RabbitMQ at {self._where}")

    def _probe(self) -> None:
        from codeforge_queue_dramatiq.rabbit import RabbitBroker

        assert isinstance(self._broker, RabbitBroker)
        self._broker.ask()

    def _explain(self, error: Exception) -> str:
        from codeforge_queue_dramatiq.trouble import diagnose

        return ": ".join(diagnose(error, self._where)) + "."
