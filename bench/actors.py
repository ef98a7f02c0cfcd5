"""What others do with a message that does nothing: a bare Dramatiq actor and a Celery task on the same RabbitMQ."""

from __future__ import annotations

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

    def here(self) -> None:
        with self._arrived:
            self.number, self.at = self.number + 1, time.perf_counter()
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
    """A confirmed message to a task of Celery's thread pool; no result is kept."""
    from celery import Celery
    from celery.contrib.testing.worker import start_worker

    app = Celery("bare", broker=url)
    app.conf.update(
        task_ignore_result=True,
        broker_transport_options={"confirm_publish": True},
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
    )

    @app.task(name="nothing")
    def nothing() -> None:
        counted.here()

    with start_worker(app, pool="threads", concurrency=THREADS, perform_ping_check=False, loglevel="ERROR"):
        yield nothing.delay


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
