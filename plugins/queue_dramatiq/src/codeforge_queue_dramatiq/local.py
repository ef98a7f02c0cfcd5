"""A Dramatiq broker in memory: enough for rings, which the database gives again after a restart."""

from __future__ import annotations

from collections import deque
from threading import Condition, Semaphore

from dramatiq import Broker, Consumer, Message, MessageProxy


class LocalBroker(Broker):
    """First in, first out, at most ``limit`` messages a queue. No delays, no dead letters, gone with the process."""

    def __init__(self, *, limit: int) -> None:
        super().__init__(middleware=[])
        self._limit = limit
        self.queues: dict[str, deque[Message[None]]] = {}
        self.changed = Condition()

    def declare_queue(self, queue_name: str) -> None:
        """Make the queue; again, nothing."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = deque(maxlen=self._limit)
            self.emit_after("declare_queue", queue_name)

    def enqueue(self, message: Message[None], *, delay: int | None = None) -> Message[None]:
        """Append to the queue; ``delay`` is not obeyed."""
        self.emit_before("enqueue", message, delay)
        with self.changed:
            self.queues[message.queue_name].append(message)
            self.changed.notify_all()
        self.emit_after("enqueue", message, delay)
        return message

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 30000) -> Consumer:
        """A consumer with at most ``prefetch`` messages at a time; ``timeout`` in milliseconds."""
        return _LocalConsumer(self.queues[queue_name], self.changed, prefetch, timeout / 1000)


class _LocalConsumer(Consumer):
    def __init__(self, queue: deque[Message[None]], changed: Condition, prefetch: int, timeout: float) -> None:
        self._queue, self._changed, self._timeout = queue, changed, timeout
        self._free = Semaphore(prefetch)

    def __next__(self) -> MessageProxy | None:
        if not self._free.acquire(timeout=self._timeout):
            return None
        with self._changed:
            if self._changed.wait_for(lambda: self._queue, self._timeout):
                return MessageProxy(self._queue.popleft())
        self._free.release()
        return None

    def ack(self, message: MessageProxy) -> None:
        self._free.release()

    nack = ack
