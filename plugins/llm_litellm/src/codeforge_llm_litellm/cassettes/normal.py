"""Requests without what differs from run to run, so that the same conversation is the same text again."""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache
from typing import Any

_REST = r"[^\s\"'`<>|:;,)\]}\\]*"
"""What a path goes on with."""
_RULES = [
    (re.compile(rf"(?<![\w.-])(?:/[\w.~+-]+)*/runs/[0-9a-z]{{26}}-\d+/{_REST}"), "<data>"),  # whichever worker's it is
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"\bcfrun_[\w-]+"), "<key>"),
    (re.compile(r"\b[0-9][0-9a-hjkmnp-tv-zA-HJKMNP-TV-Z]{25}\b"), "<id>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9]*[a-f])[0-9a-f]{7,64}\b"), "<sha>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"), "<date>"),
    (re.compile(r"\b(?:127\.0\.0\.1|localhost):\d{2,5}\b"), "<address>"),
    (re.compile(r"(?<![\w.-])(?:/private)?(?:/tmp|/var/tmp|/var/folders)/" + _REST), "<tmp>"),
]
# how long an answer may be, at what temperature and in how many pieces: the question is the same
_ASKED = ("messages", "tools", "tool_choice", "response_format", "functions", "function_call")


def text(found: str, home: str = "") -> str:
    """A text without paths of temporary folders and of ``home`` (the data folder), ids, hashes and dates."""
    found = _data(home).sub("<data>", found)
    for pattern, name in _RULES:
        found = pattern.sub(name, found)
    return found


@lru_cache(maxsize=8)
def _data(home: str) -> re.Pattern[str]:
    names = "|".join(re.escape(name) for name in ("<data>", home) if name)
    return re.compile(f"(?:{names}){_REST}")


def request(body: dict[str, Any], home: str = "") -> dict[str, Any]:
    """What a chat asks, normalised."""
    return {name: _walked(body[name], home) for name in _ASKED if body.get(name) is not None}


def _walked(value: Any, home: str) -> Any:
    if isinstance(value, str):
        return text(value, home)
    if isinstance(value, list):
        return [_walked(one, home) for one in value]
    if isinstance(value, dict):
        return {name: _walked(one, home) for name, one in value.items()}
    return value


def digest(asked: dict[str, Any]) -> str:
    """The SHA-256 of a normalised request, in hex."""
    canonical = json.dumps(asked, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode(errors="replace")).hexdigest()


def last_user_text(asked: dict[str, Any]) -> str:
    """What the person, or the agent in the person's name, said last."""
    for message in reversed(messages(asked)):
        if message.get("role") == "user" and (said := content(message)) is not None:
            return said
    return ""


def content(message: dict[str, Any]) -> str | None:
    """A message's text; None when it holds none."""
    parts = message.get("content")
    if isinstance(parts, str):
        return parts
    listed = parts if isinstance(parts, list) else []
    texts = [part["text"] for part in listed if isinstance(part, dict) and isinstance(part.get("text"), str)]
    return "".join(texts) if texts else None


def turn(asked: dict[str, Any]) -> int:
    """How many answers the conversation holds already."""
    return sum(message.get("role") == "assistant" for message in messages(asked))


def has_tool_result(asked: dict[str, Any]) -> bool:
    """Whether a tool has answered since the person's last words."""
    roles = [message.get("role") for message in messages(asked)]
    since = len(roles) - roles[::-1].index("user") if "user" in roles else 0
    return "tool" in roles[since:]


def messages(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The request's messages."""
    listed = asked.get("messages")
    return [message for message in listed if isinstance(message, dict)] if isinstance(listed, list) else []
