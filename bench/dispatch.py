"""How long a ring takes to its answer on an idle queue, beside a bare Dramatiq message; in milliseconds."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable

import dramatiq
from bench.rows import Row, percentiles, show
from dramatiq import Broker, Worker
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.stub import StubBroker

from codeforge import Ears
from codeforge.testing.rabbitmq import PrivateRabbit
from codeforge_queue_dramatiq.queues import DramatiqQueue, MemoryQueue, RabbitQueue

PAUSE = 0.005
"""Seconds of idleness before each message."""


class Bare:
    """A Dramatiq actor as its documentation begins: default middleware, one thread."""

    def __init__(self, broker: Broker) -> None:
        self._broker, self._arrived = broker, threading.Event()

        @dramatiq.actor(broker=broker, queue_name="bare", max_retries=0)
        def bare(_: str) -> None:
            self._at = time.perf_counter()
            self._arrived.set()

        self._actor = bare
        self._worker = Worker(broker, worker_threads=1)
        self._worker.start()

    def once(self) -> float:
        """Seconds from sending a message to its actor."""
        self._arrived.clear()
        began = time.perf_counter()
        self._actor.send("run-1")
        if not self._arrived.wait(10):
            raise TimeoutError("the bare message did not arrive")
        return self._at - began

    def close(self) -> None:
        self._worker.stop()
        self._broker.close()


class Bell:
    """One of our queues, ringing and answering in one process."""

    def __init__(self, queue: DramatiqQueue) -> None:
        self.queue, self._arrived = queue, asyncio.Event()

    async def answer(self, _: str) -> None:
        self._at = time.perf_counter()
        self._arrived.set()

    async def once(self) -> float:
        """Seconds from ringing to the answer on the event loop."""
        self._arrived.clear()
        began = time.perf_counter()
        await self.queue.ring("run-1")
        await asyncio.wait_for(self._arrived.wait(), 10)
        return self._at - began


async def _pair(queue: DramatiqQueue, url: str, bare: Callable[[], Broker], samples: int) -> list[tuple[float, float]]:
    """(ours, bare) in milliseconds, in turns, so that a drift of the machine meets both."""
    bell, beside = Bell(queue), Bare(bare())
    await queue.open(url, Ears(ring=bell.answer))
    figures = []
    for _ in range(samples + 20):
        await asyncio.sleep(PAUSE)
        ours = await bell.once()
        await asyncio.sleep(PAUSE)
        figures.append((ours * 1000, await asyncio.to_thread(beside.once) * 1000))
    await queue.close()
    await asyncio.to_thread(beside.close)
    return figures[20:]  # the first ones warm up


def measure(samples: int = 500) -> list[Row]:
    """Median and 99th percentile for both queues; takes about 25 seconds, half of it RabbitMQ's start."""
    logging.getLogger("dramatiq").setLevel(logging.CRITICAL)
    figures = asyncio.run(_pair(MemoryQueue(), "memory://", StubBroker, samples))
    rows = percentiles("ring to answer, memory", "bare Dramatiq, StubBroker", figures, (50, 99))
    with PrivateRabbit() as rabbit:

        def bare() -> Broker:
            return RabbitmqBroker(url=rabbit.url)

        figures = asyncio.run(_pair(RabbitQueue(), rabbit.url, bare, samples))
    return rows + percentiles("ring to answer, RabbitMQ", "bare Dramatiq, same RabbitMQ", figures, (50, 99))


if __name__ == "__main__":
    from rich.console import Console

    Console().print(show(measure()))
