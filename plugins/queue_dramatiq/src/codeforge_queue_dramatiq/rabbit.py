"""RabbitMQ: Dramatiq's broker with one queue and short deadlines."""

from __future__ import annotations

import logging
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

from dramatiq.brokers.rabbitmq import RabbitmqBroker, _RabbitmqConsumer
from pika import BlockingConnection, URLParameters
from pika.exceptions import AMQPError

from codeforge import Invalid

_DEADLINES = {"socket_timeout": 2.0, "stack_timeout": 4.0, "blocked_connection_timeout": 4.0, "heartbeat": 20}
"""Seconds where the URL's query says nothing of them; pika's own add up to minutes before a dead host is noticed."""


class RabbitBroker(RabbitmqBroker):
    """Each message is confirmed; durable queues of at most ``limit`` messages, without Dramatiq's for delays."""

    def __init__(self, parameters: URLParameters, *, limit: int | None) -> None:
        logger = logging.getLogger("pika")
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.CRITICAL)  # it tells each failed attempt with a stack; the errors say it all
        super().__init__(confirm_delivery=True, middleware=[])
        self.parameters = parameters
        self._limit = limit

    @property
    def consumer_class(self) -> type[_RabbitmqConsumer]:
        """What listens."""
        return _Consumer

    def declare_queue(self, queue_name: str, *, ensure: bool = False) -> None:
        """Announce the queue to the worker; with ``ensure``, make it on the server, too."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.queues_pending.add(queue_name)
            self.emit_after("declare_queue", queue_name)
        if ensure:
            super().declare_queue(queue_name, ensure=True)

    def ask(self) -> None:
        """Have RabbitMQ answer something, on this thread's connection or, where that is dead, on a new one.

        Raises what `diagnose` understands.
        """
        for last in (False, True):
            try:
                self.channel.basic_qos(prefetch_count=0)
            except AMQPError:
                del self.connection
                if last:
                    raise
            else:
                return

    def _build_queue_arguments(self, queue_name: str) -> dict[str, object]:
        bound = {} if self._limit is None else {"x-max-length": self._limit}
        return {"x-queue-type": "classic", **bound}

    def _declare_dq_queue(self, queue_name: str) -> None:
        """Rings are not delayed."""

    def _declare_xq_queue(self, queue_name: str) -> None:
        """Rings that nobody understands are dropped."""


class _Consumer(_RabbitmqConsumer):
    """Dramatiq's keeps its connection open when RabbitMQ has closed the channel, as it does for a deleted queue."""

    def close(self) -> None:
        try:
            super().close()  # type: ignore[no-untyped-call]
        finally:
            with suppress(AMQPError):
                self.connection.close()


def parse(url: str) -> URLParameters:
    """pika's parameters for ``url``.

    Raises `Invalid` without a word of the URL: in one that is badly written any part may be the password's.
    """
    try:
        parts = urlsplit(url)
        parameters = URLParameters(url)
    except (ValueError, TypeError):
        raise _invalid() from None
    if "@" in parts.path + parts.query + parts.fragment:  # a "/" in the password has ended the host
        raise _invalid()
    for name, seconds in _DEADLINES.items():
        if name not in parse_qs(parts.query):
            setattr(parameters, name, seconds)
    return parameters


def where(parameters: URLParameters) -> str:
    """Host and port, as people are told them."""
    return f"{parameters.host}:{parameters.port}"


def probe(parameters: URLParameters) -> None:
    """Sign in and out again, within two seconds; raises what `diagnose` understands."""
    parameters.socket_timeout, parameters.stack_timeout = 1.0, 2.0
    BlockingConnection(parameters).close()


def _invalid() -> Invalid:
    return Invalid(
        "broker_url is not the address of a RabbitMQ: write amqp://USER:PASSWORD@HOST:PORT/VHOST, "
        "special characters within the parts as %XX.",
        field="broker_url",
    )
