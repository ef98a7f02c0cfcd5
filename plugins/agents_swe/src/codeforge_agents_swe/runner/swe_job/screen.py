"""Tells people what a command prints: its beginning as it comes, its end when it has ended."""

from __future__ import annotations

import codecs

from codeforge_agent.report import Report

SHOWN = 5000
"""Characters of the beginning and of the end; the model is shown as much."""


class Screen:
    """For the output of one command."""

    def __init__(self, report: Report) -> None:
        self._report, self._left, self._rest, self._dropped = report, SHOWN, "", 0
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def hear(self, chunk: bytes) -> None:
        """Take the next bytes."""
        text = self._decode(chunk)
        if shown := text[: self._left]:
            self._report.stream("log", shown)
        self._rest += text[self._left :]
        self._left -= len(shown)
        if len(self._rest) > SHOWN:
            self._dropped += len(self._rest) - SHOWN
            self._rest = self._rest[-SHOWN:]

    def end(self) -> None:
        """Tell the end."""
        if self._dropped:
            self._report.text("log", f"[... {self._dropped} characters left out ...]")
        self._report.stream("log", self._rest)
