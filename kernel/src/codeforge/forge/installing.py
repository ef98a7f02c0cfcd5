"""Agents that are being installed on the server's own machine: one installation of each at a time."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from codeforge.agents import AgentBackend
from codeforge.errors import CodeForgeError
from codeforge.logs import tell

log = logging.getLogger(__name__)
LINES = 20
"""Lines of an installation that are kept."""


@dataclass
class Installation:
    """One that is under way, or how the last one ended; ``lines`` are what it told, ``error`` why it failed."""

    by: str
    state: Literal["running", "done", "failed", "stopped"] = "running"
    error: str = ""
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LINES))
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended_at: datetime | None = None


class Installing:
    """By agent. An installation goes on whoever looks; it ends with the server, and leaves nothing half made."""

    def __init__(self) -> None:
        self._last: dict[str, Installation] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def last(self, name: str) -> Installation | None:
        """The agent's installation that is under way, or the last one since the server began."""
        return self._last.get(name)

    def start(self, agent: AgentBackend, by: str) -> None:
        """Begin, unless one is under way."""
        if agent.name not in self._tasks:
            entry = self._last[agent.name] = Installation(by=by)
            self._tasks[agent.name] = asyncio.create_task(self._install(agent, entry))
            self._tasks[agent.name].add_done_callback(lambda _: self._ended(agent.name, entry))

    async def stop(self, name: str) -> None:
        """End it, if one is under way; returns when nothing of it is left."""
        if task := self._tasks.get(name):
            task.cancel()
            await asyncio.wait([task])

    async def close(self) -> None:
        """End all."""
        await asyncio.gather(*map(self.stop, list(self._tasks)))

    async def _install(self, agent: AgentBackend, entry: Installation) -> None:
        tell(log, "agent is being installed", agent=agent.name, by=entry.by)
        try:
            await agent.install(lambda line: entry.lines.append(line[:400]))
            entry.state = "done"
        except CodeForgeError as error:
            entry.state, entry.error = "failed", str(error)
        except Exception as error:
            log.exception("installing the agent %s ended by an error of its plugin", agent.name)
            entry.state, entry.error = "failed", f"Its plugin failed: {type(error).__name__}: {error}"

    def _ended(self, name: str, entry: Installation) -> None:
        entry.ended_at = datetime.now(UTC)
        entry.state = "stopped" if entry.state == "running" else entry.state
        del self._tasks[name]
        tell(log, "agent installation ended", agent=name, state=entry.state, error=entry.error)
