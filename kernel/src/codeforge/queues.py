"""The queue offer: what goes between servers and workers. The database is the truth, a message only a wake-up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from codeforge.model import Health

Answer = Callable[[str], Awaitable[None]]
"""Called on the event loop for a run id that may be ready; returns once the worker has taken care of it."""
Take = Callable[[bytes], Awaitable[None]]
"""Called on the event loop for a worker's report; returns once it is stored or refused."""
Hear = Callable[[dict[str, Any]], None]
"""Called on the event loop for a piece of news, and with `MISSED` when the queue has connected (anew)."""

SERVERS = "servers"
"""The address of news for all servers; a worker's is its id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ears:
    """What a process listens for: rings (a worker), reports (a server), news that are sent to ``address`` (both).

    Without ``news`` a process neither takes nor gives reports.
    """

    ring: Answer | None = None
    report: Take | None = None
    news: Hear | None = None
    address: str = SERVERS


class Queue(ABC):
    """A way to carry "run N is ready" to workers, their reports to servers, and news to whom they concern.

    A message may be lost, doubled, late or out of order: nothing but latency depends on it. What `report` has
    returned for is kept until a server takes it, even if the broker is killed; it may come twice all the same.
    """

    name: str
    schemes: tuple[str, ...]
    """The schemes of ``broker_url`` that this queue speaks, such as ("amqp", "amqps")."""
    far = False
    """Whether it reaches other processes: only then can there be workers and servers beside this one."""

    @abstractmethod
    async def open(self, url: str, ears: Ears) -> None:
        """Connect to ``url`` and listen. Raises `Unavailable` with what to do.

        Raises `Invalid` when ``url`` can never work.
        """

    @abstractmethod
    async def ring(self, run_id: str) -> None:
        """Publish "this run is ready" and return once the broker has it. Raises `Unavailable`."""

    async def report(self, message: bytes) -> None:
        """Publish a worker's report and return once the broker keeps it. Raises `Unavailable`."""
        raise NotImplementedError

    async def tell(self, address: str, news: dict[str, Any]) -> None:
        """Publish news to whoever listens at ``address`` now. Raises `Unavailable`."""

    async def deafen(self) -> None:
        """Take no further ring: a worker that ends stays connected for its reports."""

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
