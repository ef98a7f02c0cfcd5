"""A conversation as CodeForge heard it, to be told again to an agent that knows nothing of it."""

from __future__ import annotations

import json

LONGEST = 8_000
"""Characters of a turn that are kept, half from its beginning and half from its end."""
TURNS = 20
"""Turns that are kept."""
MOST = 100_000
"""Characters that are told again where the size of the model's window is unknown."""


class Retelling:
    """``turns`` are (what the agent was told, what it said), the oldest first."""

    def __init__(self) -> None:
        self.turns: list[tuple[str, str]] = []

    def begin(self, asked: str) -> None:
        """Note a turn, by what its agent is told."""
        self.turns = [*self.turns, (_shortened(asked), "")][-TURNS:]

    def said(self, text: str) -> None:
        """Note what the agent says in the turn."""
        asked, before = self.turns[-1]
        self.turns[-1] = asked, _shortened("\n".join(filter(None, [before, text])))

    def prompt(self, words: str, *, window: int | None = None) -> str:
        """``words`` with what came before them: of it as many characters as the model's ``window`` has tokens."""
        room, told = window or MOST, list[str]()
        for asked, said in reversed(self.turns):
            turn = f"You were told:\n{asked}\n\nYou said:\n{said or '(nothing)'}\n\n"
            room -= len(turn)
            if room < 0:
                break
            told.insert(0, turn)
        if not told:
            return words
        return f"You have worked on this before; your changes are in the files.\n\n{''.join(told)}Now:\n{words}"

    def dump(self) -> str:
        """As text; "" when there is nothing to tell."""
        return json.dumps(self.turns) if self.turns else ""

    def load(self, text: str | bytes) -> None:
        """Take up what `dump` gave. Raises `ValueError` for anything else."""
        try:
            self.turns = [(str(asked), str(said)) for asked, said in json.loads(text)][-TURNS:]
        except TypeError as error:
            raise ValueError("it is no conversation") from error


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}\n[...]\n{text[-LONGEST // 2 :]}"
