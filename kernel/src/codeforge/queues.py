"""The queue offer: how workers are woken up. The database is the truth, a message only a doorbell."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

from codeforge.model import Health

Answer = Callable[[str], Awaitable[None]]
"""Called on the event loop for a run id that may be ready; returns once the worker has taken care of it."""


class Queue(ABC):
    """A way to carry "run N is ready" from servers to workers.

    A message may be lost, doubled, late or out of order: nothing but latency depends on it. The same object
    rings (in a server), listens (in a worker) or does both (in `codeforge up`).
    """

    name: str
    schemes: tuple[str, ...]
    """The schemes of ``broker_url`` that this queue speaks, such as ("amqp", "amqps")."""

    @abstractmethod
    async def open(self, url: str, answer: Answer | None) -> None:
        """Connect to ``url``; with ``answer``, also listen. Raises `Unavailable` with what to do.

        Raises `Invalid` when ``url`` can never work.
        """

    @abstractmethod
    async def ring(self, run_id: str) -> None:
        """Publish "this run is ready" and return once the broker has it. Raises `Unavailable`."""

    async def health(self) -> Health:
        """How the broker is now, named "broker"; asked every few seconds. By default: well.

        ``detail`` is read by everybody: host and port may stand in it, a user or a password may not.
        """
        return Health(name="broker", ok=True, detail=self.name)

    @abstractmethod
    async def close(self) -> None:
        """Stop listening, disconnect; safe to call again. The queue may be opened anew.

        Answers under way get a moment to end, then they are cancelled.
        """
