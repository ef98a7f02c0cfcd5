"""What is kept of a conversation between its turns: the agent's session, and what was said, for one that forgets."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from codeforge import LentFolder, Retelling

log = logging.getLogger(__name__)
LARGEST = 4 * 2**20
"""Bytes of the file: more is nothing that was written here."""


@dataclass(slots=True)
class Memory:
    """``session`` is the agent's own id. ``path`` is in a folder in which the agent writes, too."""

    path: Path
    session: str = ""
    said: Retelling = field(default_factory=Retelling)

    @classmethod
    def read(cls, folder: Path) -> Memory:
        """What is kept in ``folder``; nothing where it cannot be read."""
        memory = cls(folder / "acp.json")
        with suppress(OSError, ValueError, KeyError, TypeError), LentFolder(folder) as state:
            told = json.loads(state.read(memory.path.name, most=LARGEST))
            memory.said.load(json.dumps(told["turns"]))
            memory.session = str(told["session"])
        return memory

    def add(self, prompt: str, said: str) -> None:
        """Remember one more turn."""
        self.said.begin(prompt)
        self.said.said(said)

    def write(self) -> None:
        """Keep it, whole or not at all: what lies in its way costs the agent its memory, not the run."""
        try:
            with LentFolder(self.path.parent) as state:
                state.write(self.path.name, json.dumps({"session": self.session, "turns": self.said.turns}))
        except OSError as error:
            log.warning("what an agent is to remember could not be kept in %s: %s", self.path, error)

    def retold(self, prompt: str, window: int | None) -> str:
        """``prompt`` for an agent that remembers nothing of the turns before, and whose model has this ``window``."""
        return self.said.prompt(prompt, window=window)
