"""What others do with a message that does nothing: a bare Dramatiq actor and a Celery task on the same RabbitMQ."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

THREADS = 8
Send = Callable[[], object]


class Counted:
    """Counts calls of ``here`` and remembers when the newest was."""

    def __init__(self) -> None:
        self._arrived, self.number, self.at = threading.Condition(), 0, 0.0

    def here(self, at: float | None = None) -> None:
        with self._arrived:
            self.number, self.at = self.number + 1, at or time.perf_counter()
            self._arrived.notify_all()

    def wait_for(self, number: int) -> None:
        with self._arrived:
            if not self._arrived.wait_for(lambda: self.number >= number, 60):
                raise TimeoutError(f"only {self.number} of {number} messages arrived")


@contextmanager
def dramatiq_actor(url: str, counted: Counted) -> Iterator[Send]:
    """A confirmed message to an actor in a thread."""
    import dramatiq
    from dramatiq.brokers.rabbitmq import RabbitmqBroker

    broker = RabbitmqBroker(url=url, confirm_delivery=True)

    @dramatiq.actor(broker=broker, queue_name="bare", max_retries=0)
    def nothing() -> None:
        counted.here()

    worker = dramatiq.Worker(broker, worker_threads=THREADS)
    worker.start()
    yield nothing.send
    worker.stop()
    broker.close()


@contextmanager
def celery_task(url: str, counted: Counted) -> Iterator[Send]:
    """A confirmed message to a task of Celery's thread pool, which has a process of its own; no result is kept."""
    from bench.celery_app import MOMENT, app, nothing

    app.conf.broker_url = url
    told = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    told.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    told.bind(("127.0.0.1", 0))
    port = told.getsockname()[1]

    def hear() -> None:
        while data := told.recv(64):
            counted.here(*MOMENT.unpack(data))

    threading.Thread(target=hear, daemon=True).start()
    words = ["celery", "-A", "bench.celery_app", "worker", "-P", "threads", "-c", str(THREADS), "-l", "ERROR"]
    env = {**os.environ, "BENCH_BROKER": url, "C_FORCE_ROOT": "1"}
    worker = subprocess.Popen([sys.executable, "-W", "ignore", "-m", *words], env=env, stdout=subprocess.DEVNULL)
    try:
        nothing.delay(port)
        counted.wait_for(1)  # the worker is there
        yield lambda: nothing.delay(port)
    finally:
        worker.terminate()
        worker.wait(20)
        told.sendto(b"", ("127.0.0.1", port))


def per_second(send: Send, counted: Counted, messages: int) -> float:
    """Messages per second, from the first that is sent to the last that arrived."""
    already, began = counted.number, time.perf_counter()
    for _ in range(messages):
        send()
    counted.wait_for(already + messages)
    return messages / (counted.at - began)


def latencies(send: Send, counted: Counted, samples: int) -> list[float]:
    """Milliseconds from sending to the begin of the work, each on an idle queue."""
    found = []
    for _ in range(samples + 10):
        already, began = counted.number, time.perf_counter()
        send()
        counted.wait_for(already + 1)
        found.append((counted.at - began) * 1000)
        time.sleep(0.005)
    return found[10:]  # the first ones warm up
