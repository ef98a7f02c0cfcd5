"""What workers say and hear: the one interface between a worker and the servers, in one process or over a network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from codeforge.errors import Conflict
from codeforge.events import AgentEvent
from codeforge.llm import Model
from codeforge.model import Change, Project, Run, RunState, Task


class Unheard(Conflict):
    """The run has words that its agent was not told yet."""

    slug = "unheard"


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """All that a worker needs for one run. ``start`` is the commit to go on from, ``memory`` the agent's state then.

    ``given`` is the commit that runs before left: a change that ends there adds nothing. ``resumed``: the run goes
    on from its own work, of which its agent was told before.
    """

    run: Run
    task: Task
    project: Project
    model: Model
    gateway: str
    key: str = field(repr=False)
    base: str | None = None
    start: str | None = None
    given: str | None = None
    resumed: bool = False
    memory: bytes | None = field(default=None, repr=False)

    __pydantic_config__ = {"ser_json_bytes": "base64", "val_json_bytes": "base64"}  # noqa: RUF012 (no field)


@dataclass(frozen=True, kw_only=True, slots=True)
class Orders:
    """What is wanted of a run: ``want`` is "stop", "pause", "wait" or None; words (id, text) said to it, oldest first;
    answers (question, choice) to what its agent asks.

    ``reported`` is the number of the generation's last report that is stored.
    """

    want: str | None
    words: tuple[tuple[str, str], ...]
    reported: int = 0
    answers: tuple[tuple[str, str], ...] = ()

    @property
    def known(self) -> Known:
        """What of it makes a difference to who has heard it."""
        return self.want, len(self.words) + len(self.answers)


Known = tuple[str | None, int]
"""What a worker has heard of orders: the want, and how many words and answers."""
NOTHING_KNOWN: Known = (None, 0)


class Coordinator(ABC):
    """The workers' door. A report of a generation that lost its lease raises `Fenced` and changes nothing.

    Every method raises `Unavailable` when no server, or not its database, answers.
    """

    @property
    def others(self) -> bool:
        """Whether workers of other processes may take a run over."""
        return True

    @abstractmethod
    async def claim(self, worker: str) -> Assignment | None:
        """The next run for the worker of that id, or None."""

    @abstractmethod
    async def renew(
        self,
        run_id: str,
        generation: int,
        wait: float = 0.0,
        known: Known = NOTHING_KNOWN,
        *,
        patience: float | None = None,
    ) -> Orders:
        """Extend the lease, after at most ``wait`` seconds, sooner when orders are others than ``known``.

        A server over a network is given up ``patience`` seconds after that, so that another can be asked in time.
        Raises `Fenced`.
        """

    @abstractmethod
    async def report(
        self,
        run_id: str,
        generation: int,
        events: Iterable[AgentEvent] = (),
        *,
        number: int | None = None,
        state: RunState | None = None,
        words_seen: int | None = None,
        **facts: Any,
    ) -> None:
        """Store events and, with ``state``, move the run; facts are columns (base, change, check, reason, detail).

        ``number`` counts this generation's reports from 1: one that was stored before changes nothing when it
        comes again. A run that was to stop ends as stopped where it would fail or be queued again, and one that
        was to pause is paused, one that is to wait waits; where a run is left in the queue, paused or waiting with a
        ``change``, the next claim goes on from it. Raises `Fenced`, and `Unheard` when the run would leave ``working``
        with words that nobody has read (``words_seen`` were).
        """

    @abstractmethod
    async def remember(self, run_id: str, generation: int, memory: bytes) -> None:
        """Keep the agent's state for a run that follows this one. Raises `Fenced`."""

    @abstractmethod
    async def describe(self, run_id: str) -> tuple[Run, Project] | None:
        """A run and its project, for a worker that finds a workspace of an earlier life; None when they are gone."""

    @abstractmethod
    async def saved(self, run_id: str, ref: str, change: Change) -> None:
        """Tell of work that was found in a workspace of an earlier life; a run that ended without any has it now.

        One whose worker died while it was paused goes on from it.
        """

    def lagged(self, seconds: float) -> None:
        """Told after each report: how long its first event has waited to be stored. For figures only."""

    async def forgotten(self, project_ids: Iterable[str]) -> list[str]:
        """Those of the projects that there are no more; what a worker keeps of them may go. By default none."""
        return []
