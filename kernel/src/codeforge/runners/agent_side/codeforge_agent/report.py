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
    """Takes over fd 1, so that nothing that the agent or a child prints can pass for a report."""

    def __init__(self) -> None:
        self._out = os.fdopen(
            os.dup(1), "w", buffering=1, encoding="utf-8", errors="replace"
        )  # half a character is none
        self._lock = threading.Lock()
        self._line = ""
        self._line_kind = ""
        os.dup2(2, 1)
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115

    def tell(self, kind: str, **data: Any) -> None:
        """Tell one thing, after what is unfinished of a stream."""
        with self._lock:
            self._finish_line()
            self._write(kind, data)

    def text(self, kind: str, text: str) -> None:
        """Tell ``text``, in pieces where it is long."""
        with self._lock:
            self._finish_line()
            self._write_text(kind, text)

    def stream(self, kind: str, fragment: str) -> None:
        """Tell the lines of a stream as they become whole."""
        with self._lock:
            if kind != self._line_kind:
                self._finish_line()
            *whole, self._line = (self._line + fragment).split("\n")
            self._line_kind = kind
            for line in whole:
                self._write_text(kind, line)

    def end(self, how: str, words: str = "", status: int | None = None) -> None:
        """The last line: ``how`` it ended, in ``words``, with the HTTP ``status`` that was at fault."""
        self.tell("end", how=how, words=words[:PIECE], status=status)

    def _finish_line(self) -> None:
        if self._line.strip():
            self._write_text(self._line_kind, self._line)
        self._line = ""

    def _write_text(self, kind: str, text: str) -> None:
        for start in range(0, max(len(text), 1), PIECE):
            self._write(kind, {"text": text[start : start + PIECE]})

    def _write(self, kind: str, data: dict[str, Any]) -> None:
        self._out.write(json.dumps({"kind": kind, **data}, ensure_ascii=False, default=str) + "\n")
