"""Turns a recorded answer into what a provider would send, whole or in pieces."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codeforge_llm_litellm.cassettes.fixture import Fixture


def error(fixture: Fixture) -> tuple[int, dict[str, Any]] | None:
    """The status and body of an exchange that failed; None when it did not."""
    if not isinstance(found := fixture.response.get("error"), dict):
        return None
    filled = {"message": "", "type": "server_error", "param": None, "code": None, **found}
    return int(fixture.response.get("status") or 500), {"error": filled}


def whole(fixture: Fixture, model: str) -> dict[str, Any]:
    """The answer as one body."""
    response = fixture.response
    message: dict[str, Any] = {"role": "assistant", "content": _content(response)}
    if reasoning := response.get("reasoning"):
        message["reasoning_content"] = reasoning
    if tools := _tools(response):
        message["tool_calls"] = tools
    choice = {"index": 0, "message": message, "finish_reason": _finish(response)}
    return {**_head(fixture, model, "chat.completion"), "choices": [choice], "usage": _usage(response)}


def pieces(fixture: Fixture, model: str) -> Iterator[dict[str, Any]]:
    """The answer as a stream's events, the last one with the usage."""
    head, response = _head(fixture, model, "chat.completion.chunk"), fixture.response

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    yield chunk({"role": "assistant", "content": ""})
    for name, text in (("reasoning_content", response.get("reasoning") or ""), ("content", _content(response) or "")):
        for start in range(0, len(text), fixture.chunk_size):
            yield chunk({name: text[start : start + fixture.chunk_size]})
    for number, tool in enumerate(_tools(response)):
        yield chunk({"tool_calls": [{"index": number, **tool}]})
    yield chunk({}, _finish(response))
    yield {**head, "choices": [], "usage": _usage(response)}


def _head(fixture: Fixture, model: str, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{fixture.file.removesuffix('.json')}",
        "object": kind,
        "created": int(time.time()),
        "model": model,
    }


def _content(response: dict[str, Any]) -> str | None:
    content = response.get("content")
    return json.dumps(content, ensure_ascii=False) if isinstance(content, dict | list) else content


def _tools(response: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for number, tool in enumerate(response.get("toolCalls") or ()):
        said = tool.get("arguments", "{}")
        said = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
        function = {"name": tool["name"], "arguments": said}
        found.append({"id": tool.get("id") or f"call_{number}", "type": "function", "function": function})
    return found


def _finish(response: dict[str, Any]) -> str:
    return str(response.get("finishReason") or ("tool_calls" if response.get("toolCalls") else "stop"))


def _usage(response: dict[str, Any]) -> dict[str, Any]:
    usage = {"prompt_tokens": 0, "completion_tokens": 0, **(response.get("usage") or {})}
    return {"total_tokens": usage["prompt_tokens"] + usage["completion_tokens"], **usage}
