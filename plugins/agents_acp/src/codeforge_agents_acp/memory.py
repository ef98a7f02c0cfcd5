"""What is kept of a conversation between its turns: the agent's session, and what was said, for one that forgets."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

LONGEST = 8_000
"""Characters of a turn that are kept, half from its beginning and half from its end."""
MOST = 20
"""Turns that are kept."""


@dataclass(slots=True)
class Memory:
    """``session`` is the agent's own id; ``turns`` are (prompt, what the agent said)."""

    path: Path
    session: str = ""
    turns: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> Memory:
        """What is kept in ``folder``; nothing where it cannot be read."""
        memory = cls(folder / "acp.json")
        try:
            told = json.loads(memory.path.read_text(encoding="utf-8"))
            memory.session = str(told["session"])
            memory.turns = [(str(prompt), str(said)) for prompt, said in told["turns"]]
        except (OSError, ValueError, KeyError, TypeError):
            return cls(folder / "acp.json")
        return memory

    def add(self, prompt: str, said: str) -> None:
        """Remember one more turn."""
        self.turns = [*self.turns, (_shortened(prompt), _shortened(said))][-MOST:]

    def write(self) -> None:
        """Keep it, whole or not at all."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps({"session": self.session, "turns": self.turns}), encoding="utf-8")
        fresh.replace(self.path)

    def retold(self, prompt: str) -> str:
        """``prompt`` for an agent that remembers nothing of the turns before."""
        if not self.turns:
            return prompt
        told = [f"You were told:\n{asked}\n\nYou said:\n{said or '(nothing)'}" for asked, said in self.turns]
        before = "\n\n".join(told)
        return f"You have worked on this before; your changes are in the files.\n\n{before}\n\nNow:\n{prompt}"


def _shortened(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST // 2]}\n[...]\n{text[-LONGEST // 2 :]}"
