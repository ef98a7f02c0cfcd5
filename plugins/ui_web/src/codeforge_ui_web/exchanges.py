"""A kept exchange with a model as people read it: who said what, whichever protocol the agent spoke."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MOST, LONGEST = 40, 20_000
"""Messages of a request, the newest, and characters of one, that are shown; all is in the JSON."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message. ``cut`` is how many characters of it are left out."""

    who: str
    text: str
    cut: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """What was asked and answered. ``earlier`` messages of the request are left out."""

    asked: tuple[Said, ...]
    answered: tuple[Said, ...]
    earlier: int
    tools: tuple[str, ...]


def told(document: dict[str, Any]) -> Told:
    """The exchange in a file of a cassette; what it does not understand is shown as JSON."""
    found = [entry for entry in _list(document.get("fixtures")) if isinstance(entry, dict)]
    entry = found[0] if found else {}
    request, response = _dict(_dict(entry.get("codeforge")).get("request")), _dict(entry.get("response"))
    asked = list(_asked(request))
    tools = tuple(_tool(tool) for tool in _list(request.get("tools")))
    return Told(tuple(asked[-MOST:]), tuple(_answered(response)), max(0, len(asked) - MOST), tools)


def _asked(request: dict[str, Any]) -> Iterator[Said]:
    for name in ("system", "instructions"):
        if request.get(name):
            yield _said("system", request[name])
    messages = request.get("messages", request.get("input"))
    if isinstance(messages, str):
        yield _said("user", messages)
    for message in _list(messages):
        yield from _message(_dict(message))


def _message(message: dict[str, Any]) -> Iterator[Said]:
    kind = str(message.get("type", "message"))
    who = str(message.get("role") or kind.replace("_", " "))
    if kind != "message" and "role" not in message:  # an item of the protocol "responses"
        yield _said(who, message.get("output") or message.get("arguments") or message.get("content") or message)
        return
    if message.get("content"):
        yield _said(who, message["content"])
    for call in _list(message.get("tool_calls")):
        yield _said(f"{who} calls", _called(_dict(_dict(call).get("function"))))


def _answered(response: dict[str, Any]) -> Iterator[Said]:
    if response.get("reasoning"):
        yield _said("reasoning", response["reasoning"])
    if response.get("content"):
        yield _said("assistant", response["content"])
    for call in _list(response.get("toolCalls")):
        yield _said("assistant calls", _called(_dict(call)))
    if error := _dict(response.get("error")).get("message"):
        yield _said("error", error)


def _called(function: dict[str, Any]) -> str:
    arguments = function.get("arguments", "")
    return f"{function.get('name', '')} {arguments if isinstance(arguments, str) else _json(arguments)}"


def _tool(tool: Any) -> str:
    found = _dict(tool)
    return str(_dict(found.get("function")).get("name") or found.get("name") or found.get("type") or "a tool")


def _said(who: str, content: Any) -> Said:
    text = "\n".join(_parts(content))
    return Said(who, text[:LONGEST], max(0, len(text) - LONGEST))


def _parts(content: Any) -> Iterator[str]:
    """The texts of a message; of a picture only that there is one."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part in content:
            yield from _parts(part)
    elif isinstance(content, dict) and isinstance(content.get("text"), str):
        yield content["text"]
    elif isinstance(content, dict) and "image" in str(content.get("type", "")):
        yield "[a picture]"
    elif isinstance(content, dict) and content.get("type") == "tool_result":
        yield from _parts(content.get("content"))
    elif content is not None:
        yield _json(content)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
