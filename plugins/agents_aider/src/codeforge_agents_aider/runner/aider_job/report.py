"""The runner's voice: JSON objects, one a line, on what was standard output."""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

PIECE = 2500
"""Characters of text per line: even all escaped, it stays below the 32 KiB at which the reader cuts."""


class Report:
    """Takes over fd 1, so that nothing that Aider or a child prints can pass for a report."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", buffering=1, encoding="ascii")
        self._lock = threading.Lock()
        os.dup2(2, 1)
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - Aider echoes each reply there

    def tell(self, kind: str, **data: Any) -> None:
        with self._lock:
            self._out.write(json.dumps({"kind": kind, **data}, default=str) + "\n")

    def text(self, kind: str, text: str) -> None:
        """Tell ``text``, in pieces where it is long."""
        for start in range(0, max(len(text), 1), PIECE):
            self.tell(kind, text=text[start : start + PIECE])

    def end(self, how: str, words: str = "", status: int | None = None) -> None:
        """The last line: ``how`` it ended, in ``words``, with the HTTP ``status`` that was at fault."""
        self.tell("end", how=how, words=words[:PIECE], status=status)


class Lines:
    """Gathers a stream of fragments into whole lines, told as they are complete."""

    def __init__(self, report: Report, kind: str) -> None:
        self._report, self._kind, self._rest = report, kind, ""

    def add(self, fragment: str) -> None:
        *whole, self._rest = (self._rest + fragment).split("\n")
        for line in whole:
            self._report.text(self._kind, line)

    def flush(self) -> None:
        if self._rest.strip():
            self._report.text(self._kind, self._rest)
        self._rest = ""
