"""The agent's standard streams as the protocol's messages, one JSON object a line; what is none goes to its log."""

from __future__ import annotations

import json
from typing import Any

from codeforge import Process, log
from codeforge_agents_acp.outbox import Outbox

LONGEST = 32 * 2**20
"""Bytes of a message; a longer one comes in pieces, which are none."""
MOST_LOGGED = 2000
"""Characters of a line that goes to the log."""


class Wire:
    """A transport for the protocol's connection, over a process that was started with ``talk``."""

    def __init__(self, process: Process, outbox: Outbox) -> None:
        self._process, self._lines, self._outbox = process, process.lines(), outbox
        self.last = ""
        """The last line that was no message: an agent that breaks off often says why."""

    async def send(self, message: dict[str, Any]) -> None:
        """Raises `ConnectionError` when the agent reads no more."""
        await self._process.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")

    async def receive(self) -> dict[str, Any] | None:
        """The next message; None once the agent says no more. Waits while events are not taken."""
        await self._outbox.room()
        async for stream, line in self._lines:
            if stream == "stdout" and line.lstrip().startswith("{"):
                try:
                    message = json.loads(line)
                except (ValueError, RecursionError):
                    message = None
                if isinstance(message, dict):
                    return message
            if line.strip():
                self.last = line.strip()[:MOST_LOGGED]
                self._outbox.put(log(line[:MOST_LOGGED], stream))
                await self._outbox.room()
        return None

    async def close(self) -> None:
        """The process is ended by who started it."""
