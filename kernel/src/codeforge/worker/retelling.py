"""The conversation of an agent that keeps none: what it was told and said, told again before its next turn's words."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

NAME = ".codeforge-turns.json"
LONGEST = 8_000
"""Characters of a turn that are kept, half from its beginning and half from its end."""
MOST = 20
"""Turns that are kept."""


class Retelling:
    """Lies in ``state``, the folder that is kept between the turns of a task."""

    def __init__(self, state: Path) -> None:
        self._path = state / NAME

    def prompt(self, words: str, *, anew: bool) -> str:
        """``words`` with what came before them, and noted as a turn; ``anew``: nothing came before."""
        turns = [] if anew else self._read()
        self._write([*turns, [_shortened(words), ""]])
        if not turns:
            return words
        told = "\n\n".join(f"You were told:\n{asked}\n\nYou said:\n{said or '(nothing)'}" for asked, said in turns)
        return f"You have worked on this before; your changes are in the files.\n\n{told}\n\nNow:\n{words}"

    def said(self, text: str) -> None:
        """Note what the agent said in the turn."""
        if turns := self._read():
            turns[-1][1] = _shortened("\n".join(filter(None, [turns[-1][1], text])))
            self._write(turns)

    def _read(self) -> list[list[str]]:
        with suppress(OSError, ValueError, TypeError):
            return [[str(asked), str(said)] for asked, said in json.loads(self._path.read_text(encoding="utf-8"))]
        return []

    def _write(self, turns: list[list[str]]) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(turns[-MOST:]), encoding="utf-8")
        fresh.replace(self._path)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}\n[...]\n{text[-LONGEST // 2 :]}"
