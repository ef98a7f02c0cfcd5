"""What a command says, as much of it as anybody wants to read."""

from __future__ import annotations

HALF = 15_000
"""Bytes kept of either end: a model reads no more at once."""


class Bounded:
    """The first and the last bytes of a stream, at most ``half`` of each; what lies between is only counted."""

    def __init__(self, half: int = HALF) -> None:
        self._half = half
        self._head, self._tail, self._dropped = bytearray(), bytearray(), 0

    def add(self, chunk: bytes) -> None:
        room = self._half - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:]
        if (over := len(self._tail) - self._half) > 0:
            del self._tail[:over]
            self._dropped += over

    def text(self) -> str:
        """It as text; what is not UTF-8 is replaced."""
        if not self._dropped:
            return (self._head + self._tail).decode(errors="replace")
        gap = f"\n[... {self._dropped} bytes left out ...]\n"
        return self._head.decode(errors="ignore") + gap + self._tail.decode(errors="ignore")
