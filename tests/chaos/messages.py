"""A hand in the broker's queues: takes messages out beside the consumers; doubles, drops, or keeps them for later."""

from __future__ import annotations

import random
import time

import pika
from pika.exceptions import AMQPError

RUNS, REPORTS = "codeforge.runs", "codeforge.reports"


class Tamperer:
    """What it keeps it can put back at any time. Blocking: use it in a thread."""

    def __init__(self, url: str, rng: random.Random) -> None:
        self._url, self._rng = url, rng
        self.kept: list[tuple[str, bytes, pika.BasicProperties]] = []

    def take(self, what: str, seconds: float) -> int:
        """Consume for so many seconds; ``what`` becomes of it is "double", "drop" or "keep". Gives how many."""
        number = 0
        try:
            connection = pika.BlockingConnection(pika.URLParameters(self._url))
            channel = connection.channel()
            deadline = time.monotonic() + seconds
            for queue in (RUNS, REPORTS):
                for method, properties, body in channel.consume(queue, inactivity_timeout=0.1):
                    if method is not None:
                        number += 1
                        self._treat(channel, what, (queue, body, properties))
                        channel.basic_ack(method.delivery_tag)
                    if time.monotonic() > deadline - (seconds * 0.7 if queue == RUNS else 0):
                        break
                channel.cancel()
            connection.close()
        except (AMQPError, OSError):
            pass  # the broker was killed meanwhile, and gives what was not acknowledged to others
        return number

    def _treat(
        self, channel: pika.channel.Channel, what: str, message: tuple[str, bytes, pika.BasicProperties]
    ) -> None:
        queue, body, properties = message
        self.kept = [*self.kept[-400:], message]
        for _ in range({"double": 2, "drop": 0, "keep": 0}[what]):
            channel.basic_publish("", queue, body, properties)

    def replay(self) -> int:
        """Publish again, in any order, what was taken at some time. Gives how many."""
        chosen = self._rng.sample(self.kept, min(40, len(self.kept)))
        try:
            connection = pika.BlockingConnection(pika.URLParameters(self._url))
            channel = connection.channel()
            for queue, body, properties in chosen:
                channel.basic_publish("", queue, body, properties)
            connection.close()
        except (AMQPError, OSError):
            return 0
        return len(chosen)
