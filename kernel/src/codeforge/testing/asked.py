"""What a request to a model says, whichever of the three protocols it speaks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Said = tuple[str, str]
"""A role (system, user, assistant or tool) and what it said."""


def conversation(body: dict[str, Any]) -> list[Said]:
    """The messages of a chat completion, a message of Anthropic's or a response, in order."""
    first = [("system", text(body[name])) for name in ("system", "instructions") if body.get(name)]
    said = body.get("input", body.get("messages")) or []
    listed = [{"role": "user", "content": said}] if isinstance(said, str) else said
    return [*first, *(one for message in listed if isinstance(message, dict) for one in _said(message))]


def _said(message: dict[str, Any]) -> Iterator[Said]:
    kind, role = message.get("type"), str(message.get("role") or "assistant")
    if kind == "function_call_output":
        yield "tool", text(message.get("output"))
        return
    content = message.get("content")
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    for part in parts:
        if part.get("type") == "tool_result":
            yield "tool", text(part.get("content"))
    others = [part for part in parts if part.get("type") != "tool_result"]
    if others or not parts:
        yield ("system" if role == "developer" else role), text(others or content)


def text(content: Any) -> str:
    """The words of a content, in one piece."""
    if isinstance(content, list):
        return "".join(text(part.get("text", part.get("content"))) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def last(said: list[Said], role: str) -> str:
    """What a role said last; "" when it said nothing."""
    return next((words for one, words in reversed(said) if one == role), "")


def turn(said: list[Said]) -> int:
    """How many answers the conversation holds already; items of one answer count once."""
    roles = [role for role, _ in said]
    return sum(role == "assistant" and roles[n - 1 : n] != ["assistant"] for n, role in enumerate(roles))


def tool_result(said: list[Said]) -> str | None:
    """The last tool's result since the person's last words; None when there is none."""
    for role, words in reversed(said):
        if role in ("tool", "user"):
            return words if role == "tool" else None
    return None
