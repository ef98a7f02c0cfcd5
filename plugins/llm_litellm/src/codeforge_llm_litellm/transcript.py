"""What a model answered, put together from a whole body or from a stream's events, with the use that it reported."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

MOST = 10**9
"""No call has as many tokens: a larger number is nonsense, and no database could add it up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Used:
    """Tokens of one call. ``cached`` and ``written`` (to the provider's cache) are part of ``prompt``."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    written: int = 0
    reasoning: int = 0


class Transcript:
    """Grows with each event. ``used`` stays None as long as the provider reported nothing."""

    def __init__(self) -> None:
        self.content: list[str] = []
        self.reasoning: list[str] = []
        self.tools: dict[int, dict[str, str]] = {}
        self.finish: str | None = None
        self.used: Used | None = None
        self.error = ""

    def add(self, data: dict[str, Any]) -> None:
        """Take in a body or an event; anything that is not shaped as expected is left aside."""
        if isinstance(usage := data.get("usage"), dict) and (used := _used(usage)) != Used():
            self.used = used
        if error := data.get("error"):
            self.error = str(error.get("message") or error) if isinstance(error, dict) else str(error)
        for choice in _objects(data.get("choices")):
            self.finish = choice.get("finish_reason") or self.finish
            message = choice.get("delta") or choice.get("message")
            if isinstance(message, dict) and not choice.get("index"):
                self._message(message)

    def _message(self, message: dict[str, Any]) -> None:
        if isinstance(text := message.get("content"), str):
            self.content.append(text)
        if isinstance(text := message.get("reasoning_content") or message.get("reasoning"), str):
            self.reasoning.append(text)
        for place, call in enumerate(_objects(message.get("tool_calls"))):
            tool = self.tools.setdefault(_number(call.get("index", place)), {"id": "", "name": "", "arguments": ""})
            tool["id"] = str(call.get("id") or tool["id"])
            for function in _objects([call.get("function")]):
                tool["name"] = str(function.get("name") or tool["name"])
                tool["arguments"] += str(function.get("arguments") or "")

    def counted(self, request: dict[str, Any]) -> Used:
        """Our own estimate, for calls whose use nobody reported."""
        asked = json.dumps([request.get("messages"), request.get("tools")], ensure_ascii=False)
        told = "".join([*self.content, *self.reasoning, *(t["name"] + t["arguments"] for t in self.tools.values())])
        return Used(prompt=estimate(asked), completion=estimate(told))


def estimate(text: str) -> int:
    """About how many tokens a text is: one for four bytes, which holds for English, code and most tokenizers."""
    return -(-len(text.encode(errors="replace")) // 4)


def _used(usage: dict[str, Any]) -> Used:
    details = next(iter(_objects([usage.get("prompt_tokens_details")])), {})
    return Used(
        prompt=_number(usage.get("prompt_tokens")),
        completion=_number(usage.get("completion_tokens")),
        cached=_number(details.get("cached_tokens") or usage.get("prompt_cache_hit_tokens")),
        written=_number(usage.get("cache_creation_input_tokens") or details.get("cache_write_tokens")),
    )


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | float) and 0 < value < MOST else 0
