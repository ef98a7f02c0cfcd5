"""Which cassettes there are, and which of them are being recorded."""

from __future__ import annotations

import re
from pathlib import Path

RECORD = "RECORD"
"""A file of this name in a cassette's folder holds the model that is recorded into it, like openai/gpt-4o."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def names(shelf: Path) -> list[str]:
    """The cassettes that hold at least one exchange, by name."""
    return [folder.name for folder in _folders(shelf) if any(folder.glob("*.json"))]


def recording(shelf: Path) -> dict[str, str]:
    """Cassette -> the model that is recorded into it."""
    marks = (folder / RECORD for folder in _folders(shelf))
    return {
        mark.parent.name: mark.read_text(encoding="utf-8", errors="replace").strip() for mark in marks if mark.is_file()
    }


def _folders(shelf: Path) -> list[Path]:
    if not shelf.is_dir():
        return []
    return sorted(folder for folder in shelf.iterdir() if folder.is_dir() and _NAME.fullmatch(folder.name))
