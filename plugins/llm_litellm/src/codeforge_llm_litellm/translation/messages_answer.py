"""Tells a chat completion as Anthropic's message: blocks one after the other, named events when it is streamed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from codeforge_llm_litellm.protocols.messages import Messages
from codeforge_llm_litellm.transcript import Used
from codeforge_llm_litellm.translation import Event, Telling, new_id
from codeforge_llm_litellm.trouble import Trouble

REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}

FILLED = {"text": "text", "thinking": "thinking", "tool_use": "input"}
"""Kind of block -> what its pieces add up to."""


class MessageTelling(Telling):
    """Builds the message's blocks while it tells them; what is streamed is what `whole` holds."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self._id = new_id("msg")
        self._blocks: list[dict[str, Any]] = []
        self._open = -1
        self._tools: dict[int, int] = {}
        self._pieces: defaultdict[int, list[str]] = defaultdict(list)

    def whole(self) -> dict[str, Any]:
        return {**self._head(), "content": self._blocks, **self._reason(), "usage": self._usage()}

    def _head(self) -> dict[str, Any]:
        return {"id": self._id, "type": "message", "role": "assistant", "model": self.model}

    def _begin(self) -> Iterator[Event]:
        started: dict[str, Any] = {"content": [], "stop_reason": None, "stop_sequence": None, "usage": _usage(Used())}
        yield {"type": "message_start", "message": {**self._head(), **started}}

    def _text(self, text: str) -> Iterator[Event]:
        yield from self._block("text", {"type": "text", "text": ""})
        self._pieces[self._open].append(text)
        yield self._delta(self._open, {"type": "text_delta", "text": text})

    def _reasoning(self, text: str) -> Iterator[Event]:
        yield from self._block("thinking", {"type": "thinking", "thinking": "", "signature": ""})
        self._pieces[self._open].append(text)
        yield self._delta(self._open, {"type": "thinking_delta", "thinking": text})

    def _signature(self, proof: str) -> Iterator[Event]:
        yield from self._block("thinking", {"type": "thinking", "thinking": "", "signature": ""})
        self._blocks[self._open]["signature"] = proof
        yield self._delta(self._open, {"type": "signature_delta", "signature": proof})

    def _tool(self, place: int, call: dict[str, Any], function: dict[str, Any]) -> Iterator[Event]:
        if place not in self._tools:
            made = {"type": "tool_use", "id": str(call.get("id") or new_id("toolu")), "input": {}}
            yield from self._block("", {**made, "name": str(function.get("name") or "")})
            self._tools[place] = self._open
        number, text = self._tools[place], str(function.get("arguments") or "")
        if text:
            self._pieces[number].append(text)
            yield self._delta(number, {"type": "input_json_delta", "partial_json": text})

    def _block(self, kind: str, fresh: dict[str, Any]) -> Iterator[Event]:
        """Go on with the open block where it is of this ``kind``, else begin a ``fresh`` one."""
        if self._open >= 0 and kind and self._blocks[self._open]["type"] == kind:
            return
        yield from self._close()
        self._open = len(self._blocks)
        self._blocks.append(fresh)
        yield {"type": "content_block_start", "index": self._open, "content_block": dict(fresh)}

    def _close(self) -> Iterator[Event]:
        if self._open >= 0:
            yield {"type": "content_block_stop", "index": self._open}
        self._open = -1

    def _delta(self, number: int, delta: dict[str, Any]) -> Event:
        return {"type": "content_block_delta", "index": number, "delta": delta}

    def _finish(self) -> Iterator[Event]:
        yield from self._close()
        for number, block in enumerate(self._blocks):
            text = "".join(self._pieces[number])
            block[FILLED[block["type"]]] = _parsed(text) if block["type"] == "tool_use" else text
        yield {"type": "message_delta", "delta": self._reason(), "usage": self._usage()}
        yield {"type": "message_stop"}

    def _reason(self) -> dict[str, Any]:
        reason = "tool_calls" if self._tools and self.heard.finish == "stop" else self.heard.finish
        return {"stop_reason": REASONS.get(str(reason), "end_turn"), "stop_sequence": None}

    def _usage(self) -> dict[str, Any]:
        return _usage(self.heard.used or Used())

    def _trouble(self, trouble: Trouble) -> Iterator[Event]:
        yield Messages().error(trouble)


def _usage(used: Used) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "input_tokens": max(0, used.prompt - used.cached - used.written),
        "cache_creation_input_tokens": used.written,
        "cache_read_input_tokens": used.cached,
        "output_tokens": used.completion,
    }
    return {**usage, "output_tokens_details": {"thinking_tokens": used.reasoning}} if used.reasoning else usage


def _parsed(text: str) -> Any:
    try:
        return json.loads(text or "{}")
    except (ValueError, RecursionError):  # a small model's slip, which the agent can only see as it is
        return {"_unreadable": text}
