"""What a command says, as much of it as anybody wants to read."""

from __future__ import annotations


class Bounded:
    """The first and the last bytes of a stream, at most ``half`` of each; what lies between is only counted."""

    def __init__(self, half: int) -> None:
        self._half = half
        self.head, self.tail, self.dropped = bytearray(), bytearray(), 0

    def add(self, chunk: bytes) -> None:
        room = self._half - len(self.head)
        self.head += chunk[:room]
        self.tail += chunk[room:]
        if (over := len(self.tail) - self._half) > 0:
            del self.tail[:over]
            self.dropped += over

    @property
    def gap(self) -> str:
        """What stands between head and tail; "" where nothing is missing."""
        return f"\n[... {self.dropped} bytes left out ...]\n" if self.dropped else ""

    def text(self) -> str:
        """It as text; what is not UTF-8 is replaced."""
        if not self.dropped:
            return (self.head + self.tail).decode(errors="replace")
        return self.head.decode(errors="ignore") + self.gap + self.tail.decode(errors="ignore")
