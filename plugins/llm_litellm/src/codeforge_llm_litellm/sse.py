"""Server-sent events, cut out of a stream of bytes without changing one of them."""

from __future__ import annotations

import json
import re
from typing import Any

from codeforge_llm_litellm.trouble import Trouble

LARGEST = 16 * 2**20
"""Bytes that one event may have."""
_END = re.compile(rb"\r?\n\r?\n")
DONE = b"data: [DONE]\n\n"


class Splitter:
    """Gives whole events, each with the blank line that ends it."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, block: bytes) -> list[bytes]:
        """The events that ``block`` completes. Raises `Trouble` when one does not come to its end."""
        searched = max(0, len(self._rest) - 3)  # the end may have begun in the block before
        self._rest += block
        events, start = [], 0
        for end in _END.finditer(self._rest, searched):
            events.append(bytes(self._rest[start : end.end()]))
            start = end.end()
        del self._rest[:start]
        if len(self._rest) > LARGEST:
            raise Trouble(
                502, "provider_error", f"The provider sent an event of more than {LARGEST // 2**20} MB.", sent=True
            )
        return events

    def end(self) -> list[bytes]:
        """What is left when the stream has ended without a last blank line."""
        rest, self._rest = bytes(self._rest.strip()), bytearray()
        return [rest + b"\n\n"] if rest else []


def data(event: bytes) -> bytes:
    """The data of an event; empty for comments and keep-alives."""
    return b"".join(line[5:].strip() for line in event.splitlines() if line.startswith(b"data:"))


def parsed(event: bytes) -> dict[str, Any]:
    """The JSON object that an event carries; empty when it carries something else."""
    try:
        found = json.loads(data(event) or b"{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def event(found: dict[str, Any]) -> bytes:
    """An event that carries ``found``."""
    return b"data: " + json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def named(found: dict[str, Any]) -> bytes:
    """An event that carries ``found`` and is named by its type, as Anthropic's and those of responses are."""
    return f"event: {found['type']}\n".encode() + event(found)
