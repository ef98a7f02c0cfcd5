"""Where one request differs from another, for people and for programs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from codeforge_llm_litellm.cassettes import normal

_SHOWN = 80
_BEFORE = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """The first one. ``message`` counts from 0 (None: the messages are the same), ``at`` characters; ``was`` and
    ``now`` are what stands there.
    """

    message: int | None
    role: str = ""
    at: int = 0
    was: str
    now: str

    def __str__(self) -> str:
        if self.message is None:
            return f"{self.was} and now {self.now}"
        place = f"message {self.message} ({self.role}) differs at character {self.at}"
        return f"{place}: {self.was!r} was said and now is {self.now!r}"


def difference(was: dict[str, Any], asked: dict[str, Any]) -> Difference:
    """The first difference between two normalised requests."""
    old, new = normal.messages(was), normal.messages(asked)
    for place, (one, other) in enumerate(zip(old, new, strict=False)):
        if one != other:
            return _of_texts(place, str(one.get("role")), *_told(one, other))
    if len(old) != len(new):
        return Difference(message=None, was=f"there were {len(old)} messages", now=f"are {len(new)}")
    for name in sorted({*was, *asked}):
        if was.get(name) != asked.get(name):
            return _of_texts(None, name, _json(was.get(name)), _json(asked.get(name)))
    return Difference(message=None, was="it was one request", now="is another")


def _told(one: dict[str, Any], other: dict[str, Any]) -> tuple[str, str]:
    """Two messages as texts that differ."""
    before, after = normal.content(one) or "", normal.content(other) or ""
    return (before, after) if before != after else (_json(one), _json(other))


def _of_texts(place: int | None, role: str, before: str, after: str) -> Difference:
    shorter = min(len(before), len(after))
    at = next((n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), shorter)
    start = max(0, at - _BEFORE)
    was, now = cut(before[start:]), cut(after[start:])
    if place is None:
        return Difference(message=None, role=role, at=at, was=f"{role} was {was!r}", now=f"is {now!r}")
    return Difference(message=place, role=role, at=at, was=was, now=now)


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def cut(text: object) -> str:
    """A text that is short enough for a sentence."""
    shown = str(text)
    return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "..."
