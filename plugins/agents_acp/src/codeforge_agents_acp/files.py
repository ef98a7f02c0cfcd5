"""The files that an agent reads and writes through CodeForge: those of its workspace, and nothing else."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

LARGEST = 16 * 2**20
"""Bytes of a file that are read or written at once."""


class NotHere(Exception):
    """A path that an agent may not read or write; the message says why."""


class Files:
    """Of one workspace. Every method raises `NotHere`, and `OSError` as the system says."""

    def __init__(self, workspace: Path) -> None:
        self._root = workspace.resolve()

    def relative(self, path: str) -> str | None:
        """The path within the workspace, as events name it; None when it is outside or within its ``.git``."""
        try:
            return str(self._inside(path).relative_to(self._root))
        except (NotHere, OSError):
            return None

    def shown(self, text: str) -> str:
        """``text`` with the paths of the workspace as people know them."""
        return text.replace(f"{self._root}/", "")

    def read(self, path: str, line: int | None, limit: int | None) -> str:
        """The text of a file, or ``limit`` lines of it from ``line`` (1 is the first) on."""
        inside = self._inside(path)
        if inside.stat().st_size > LARGEST:
            raise NotHere(f"{path} is larger than {LARGEST // 2**20} MB.")
        try:
            with inside.open(encoding="utf-8", newline="") as file:
                if line is None and limit is None:
                    return file.read()
                first = max(0, (line or 1) - 1)
                return "".join(islice(file, first, None if limit is None else first + max(0, limit)))
        except UnicodeDecodeError:
            raise NotHere(f"{path} is no UTF-8 text.") from None

    def write(self, path: str, text: str) -> str:
        """Replace a file's text, with the folders on the way; gives its path within the workspace."""
        inside = self._inside(path)
        if len(text) > LARGEST:
            raise NotHere(f"{path} would be larger than {LARGEST // 2**20} MB.")
        inside.parent.mkdir(parents=True, exist_ok=True)
        with inside.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
        return str(inside.relative_to(self._root))

    def _inside(self, path: str) -> Path:
        if "\0" in path:
            raise NotHere("A path holds no NUL.")
        found = Path(os.path.realpath(self._root / path))
        if found == self._root or not found.is_relative_to(self._root):
            raise NotHere(f"{path} is not in the workspace.")
        if any(part.lower() == ".git" for part in found.relative_to(self._root).parts):
            raise NotHere(f"{path} belongs to git.")
        if found.exists() and not found.is_file():
            raise NotHere(f"{path} is no file.")
        return found
