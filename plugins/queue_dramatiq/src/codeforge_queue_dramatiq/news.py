"""News: small messages to those who listen now, through an exchange; Dramatiq has no such thing, so this is pika."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress
from threading import Event, Thread
from typing import Any

from dramatiq import Broker
from pika import BlockingConnection
from pika.exceptions import AMQPError

from codeforge import MISSED, Hear
from codeforge_queue_dramatiq import rabbit

EXCHANGE = "codeforge.news"
_AGAIN = 1.0
"""Seconds between two attempts to connect."""
_LOOK = 0.2
"""Seconds after which the thread looks whether it shall end."""
_log = logging.getLogger(__name__)


def publish(broker: Broker, address: str, news: dict[str, Any]) -> None:
    """Send news in the broker's own thread. Nobody needs to listen."""
    assert isinstance(broker, rabbit.RabbitBroker)
    try:
        _publish(broker, address, news)
    except AMQPError:  # the connection of before, or the exchange, is gone
        del broker.connection
        broker.channel.exchange_declare(EXCHANGE, "direct", durable=True)
        _publish(broker, address, news)


def _publish(broker: rabbit.RabbitBroker, address: str, news: dict[str, Any]) -> None:
    broker.channel.basic_publish(EXCHANGE, address, json.dumps(news).encode())


class Wire:
    """Hears the news for one address, in a thread that connects again and again."""

    def __init__(self, url: str, address: str, loop: asyncio.AbstractEventLoop, hear: Hear) -> None:
        self._url, self._address, self._loop, self._hear = url, address, loop, hear
        self._closed = Event()
        Thread(target=self._live, name="news", daemon=True).start()

    def close(self) -> None:
        """Hear nothing more; the thread ends by itself in a moment."""
        self._closed.set()

    def _live(self) -> None:
        while not self._closed.is_set():
            try:
                self._listen()
            except (AMQPError, OSError) as error:
                _log.info("The news cannot be heard (%s): trying again.", type(error).__name__)
            self._closed.wait(_AGAIN)

    def _listen(self) -> None:
        connection = BlockingConnection(rabbit.parse(self._url))
        try:
            channel = connection.channel()
            channel.exchange_declare(EXCHANGE, "direct", durable=True)
            queue = channel.queue_declare("", exclusive=True).method.queue
            channel.queue_bind(queue, EXCHANGE, self._address)
            self._tell(MISSED)
            for method, _, body in channel.consume(queue, auto_ack=True, inactivity_timeout=_LOOK):
                if self._closed.is_set():
                    return
                if method:
                    self._pass_on(body)
        finally:
            with suppress(AMQPError):
                connection.close()

    def _pass_on(self, body: bytes) -> None:
        try:
            news = json.loads(body)
        except ValueError:
            return
        if isinstance(news, dict):
            self._tell(news)

    def _tell(self, news: dict[str, Any]) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._hear, news)
