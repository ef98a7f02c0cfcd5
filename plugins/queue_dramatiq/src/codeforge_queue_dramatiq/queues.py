"""The two queues, on Dramatiq's RabbitMQ broker or on one in memory: rings to workers, reports and news."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any

from codeforge import Ears, Health, Queue, Take, Unavailable
from codeforge_queue_dramatiq.line import Line

if TYPE_CHECKING:
    from dramatiq import Broker

    from codeforge_queue_dramatiq.listener import Answering
    from codeforge_queue_dramatiq.news import Wire

QUEUE, REPORTS = "codeforge.runs", "codeforge.reports"
LIMIT = 10_000
"""Rings that may wait; the oldest goes when one more comes. What is still ready is rung again anyway."""
AT_ONCE = 16
"""Reports that a server stores at a time."""
PROBE = 3.0
"""Seconds that RabbitMQ has to answer when somebody asks how it is."""


class DramatiqQueue(Queue):
    """What both have in common: the line of rings."""

    patience: float = 5.0
    """Seconds that the broker has to take a ring or to say good-bye; three times that to connect."""

    hold: float = 20 * 60.0
    """Seconds after which a ring that nobody is free for is dropped: RabbitMQ takes it back after 30 minutes."""

    _rings: Line | None = None

    @abstractmethod
    def _connect(self, url: str, queue: str, limit: int | None) -> Broker:
        """A broker that has the queue. Called in a line's own thread."""

    @abstractmethod
    def _explain(self, error: Exception) -> str:
        """What is wrong with the broker and what to do: a sentence without anything secret."""

    async def open(self, url: str, ears: Ears) -> None:
        """See `Queue.open`."""
        try:
            self._rings = self._line("ready", QUEUE)
            await self._rings.open(partial(self._connect, url, QUEUE, LIMIT), ears.ring, hold=self.hold)
        except BaseException:
            await self.close()
            raise

    async def ring(self, run_id: str) -> None:
        """Publish "this run is ready" and return once the broker has it. Raises `Unavailable`."""
        await self._opened(self._rings).send(run_id)

    async def deafen(self) -> None:
        """See `Queue.deafen`."""
        if self._rings:
            await self._rings.deafen()

    async def close(self) -> None:
        """See `Queue.close`."""
        rings, self._rings = self._rings, None
        if rings:
            await rings.close()

    def _line(self, name: str, queue: str) -> Line:
        return Line(name, queue, self._explain, lambda: self.patience)

    def _opened(self, line: Line | None) -> Line:
        if line is None:
            raise Unavailable(f"The {self.name} queue is closed: nothing can be announced to the workers.")
        return line


class MemoryQueue(DramatiqQueue):
    """Within one process: each object is a queue of its own, whatever follows ``memory://``."""

    name = "memory"
    schemes = ("memory",)

    def _connect(self, url: str, queue: str, limit: int | None) -> Broker:
        from codeforge_queue_dramatiq.local import LocalBroker

        return LocalBroker(limit=limit or LIMIT)

    def _explain(self, error: Exception) -> str:
        return f"The memory queue failed with {type(error).__name__}: restart CodeForge and report it."


class RabbitQueue(DramatiqQueue):
    """Between processes and machines, through RabbitMQ: ``amqp://USER:PASSWORD@HOST:PORT/VHOST``."""

    name = "rabbitmq"
    schemes = ("amqp", "amqps")
    far = True

    _reports: Line | None = None
    _wire: Wire | None = None
    _where = ""

    async def open(self, url: str, ears: Ears) -> None:
        """See `Queue.open`."""
        await super().open(url, ears)
        if ears.news is None:
            return
        try:
            from codeforge_queue_dramatiq.news import Wire

            self._reports = self._line("report", REPORTS)
            connect = partial(self._connect, url, REPORTS, None)
            await self._reports.open(connect, _as_text(ears.report), hold=self.hold, at_once=AT_ONCE)
            self._wire = Wire(url, ears.address, asyncio.get_running_loop(), ears.news)
        except BaseException:
            await self.close()
            raise

    async def report(self, message: bytes) -> None:
        """See `Queue.report`."""
        await self._opened(self._reports).send(message.decode())

    async def tell(self, address: str, news: dict[str, Any]) -> None:
        """See `Queue.tell`."""
        from codeforge_queue_dramatiq.news import publish

        rings = self._opened(self._rings)
        await rings.do(lambda: publish(rings.broker, address, news))

    async def close(self) -> None:
        """See `Queue.close`."""
        wire, self._wire = self._wire, None
        if wire:
            wire.close()
        reports, self._reports = self._reports, None
        if reports:
            await reports.close()
        await super().close()

    def _connect(self, url: str, queue: str, limit: int | None) -> Broker:
        from codeforge_queue_dramatiq import rabbit

        parameters = rabbit.parse(url)
        self._where = rabbit.where(parameters)
        broker = rabbit.RabbitBroker(parameters, limit=limit)
        broker.declare_queue(queue, ensure=True)
        return broker

    async def health(self) -> Health:
        """Whether RabbitMQ answers on the connection that rings go over."""
        try:
            rings = self._opened(self._rings)
            await rings.do(rings.broker.ask, min(self.patience, PROBE))  # type: ignore[attr-defined]
        except Unavailable as error:
            what, _, remedy = str(error).removesuffix(".").rpartition(": ")
            return Health(name="broker", ok=False, detail=what, fix=remedy)
        return Health(name="broker", ok=True, detail=f"RabbitMQ at {self._where}")

    def _explain(self, error: Exception) -> str:
        from codeforge_queue_dramatiq.trouble import diagnose

        return ": ".join(diagnose(error, self._where)) + "."


def _as_text(take: Take | None) -> Answering | None:
    """Dramatiq's messages are JSON: a report travels as its text."""
    if take is None:
        return None

    async def answer(text: str) -> None:
        await take(text.encode())

    return answer
