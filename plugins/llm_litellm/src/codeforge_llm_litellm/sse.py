"""Server-sent events, cut out of a stream of bytes without changing one of them."""

from __future__ import annotations

import json
import re
from typing import Any

_END = re.compile(rb"\r?\n\r?\n")
DONE = b"data: [DONE]\n\n"


class Splitter:
    """Gives whole events, each with the blank line that ends it."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, block: bytes) -> list[bytes]:
        """The events that ``block`` completes."""
        self._rest += block
        events, start = [], 0
        for end in _END.finditer(self._rest):
            events.append(self._rest[start : end.end()])
            start = end.end()
        self._rest = self._rest[start:]
        return events

    def end(self) -> list[bytes]:
        """What is left when the stream has ended without a last blank line."""
        rest, self._rest = self._rest.strip(), b""
        return [rest + b"\n\n"] if rest else []


def data(event: bytes) -> bytes:
    """The data of an event; empty for comments and keep-alives."""
    return b"".join(line[5:].strip() for line in event.splitlines() if line.startswith(b"data:"))


def parsed(event: bytes) -> dict[str, Any]:
    """The JSON object that an event carries; empty when it carries something else."""
    try:
        found = json.loads(data(event) or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def event(found: dict[str, Any]) -> bytes:
    """An event that carries ``found``."""
    return b"data: " + json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
