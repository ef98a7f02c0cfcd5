"""Anthropic's messages."""

from __future__ import annotations

import json
from typing import Any

from codeforge_llm_litellm import sse
from codeforge_llm_litellm.protocols import Protocol, asks_for_a_model
from codeforge_llm_litellm.transcript import Transcript, Used, number, objects, table
from codeforge_llm_litellm.trouble import Trouble

TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
"""Why an answer ended, in Anthropic's words and in OpenAI's."""


class Messages(Protocol):
    """``POST /messages``: a stream is named events, from message_start to message_stop."""

    name, path, end = "messages", "messages", sse.named({"type": "message_stop"})

    def check(self, body: dict[str, Any]) -> None:
        if not asks_for_a_model(body) or not isinstance(body.get("messages"), list):
            raise Trouble(400, "invalid_request", "A message needs a model and a list of messages.")
        most = body.get("max_tokens")
        if not isinstance(most, int) or isinstance(most, bool) or most < 1:
            raise Trouble(400, "invalid_request", "A message needs max_tokens, a whole number from 1.")

    def read(self, data: dict[str, Any], transcript: Transcript) -> None:
        match data.get("type"):
            case "message":
                for place, block in enumerate(objects(data.get("content"))):
                    _block(place, block, transcript)
                _ended(data, data.get("usage"), transcript)
            case "message_start":
                begun = used(table(table(data.get("message")).get("usage")), None)
                transcript.begun = begun if begun.prompt else None
            case "content_block_start":
                _block(number(data.get("index")), table(data.get("content_block")), transcript)
            case "content_block_delta":
                _delta(number(data.get("index")), table(data.get("delta")), transcript)
            case "message_delta":
                _ended(table(data.get("delta")), data.get("usage"), transcript)
            case "error":
                transcript.failed(data.get("error"))

    def ends(self, found: dict[str, Any]) -> bool:
        return found.get("type") == "message_stop"

    def error(self, trouble: Trouble) -> dict[str, Any]:
        kind = TYPES.get(trouble.status, "invalid_request_error" if trouble.status < 500 else "api_error")
        return {"type": "error", "error": {"type": kind, "message": trouble.message}}

    def is_error(self, body: dict[str, Any]) -> bool:
        return body.get("type") == "error" and isinstance(body.get("error"), dict)

    def event(self, trouble: Trouble, before: dict[str, Any]) -> bytes:
        return sse.named(self.error(trouble))


def _block(place: int, block: dict[str, Any], transcript: Transcript) -> None:
    match block.get("type"):
        case "text":
            transcript.content.append(str(block.get("text") or ""))
        case "thinking":
            transcript.reasoning.append(str(block.get("thinking") or ""))
        case "tool_use":
            tool = transcript.tool(place)
            tool["id"], tool["name"] = str(block.get("id") or ""), str(block.get("name") or "")
            if given := block.get("input"):  # streamed, it is empty here and comes in pieces
                tool["arguments"] = json.dumps(given, ensure_ascii=False)


def _delta(place: int, delta: dict[str, Any], transcript: Transcript) -> None:
    match delta.get("type"):
        case "text_delta":
            transcript.content.append(str(delta.get("text") or ""))
        case "thinking_delta":
            transcript.reasoning.append(str(delta.get("thinking") or ""))
        case "input_json_delta" if place in transcript.tools:
            transcript.tools[place]["arguments"] += str(delta.get("partial_json") or "")


def _ended(told: dict[str, Any], usage: object, transcript: Transcript) -> None:
    if reason := told.get("stop_reason"):
        transcript.finish = FINISHES.get(str(reason), "stop")
    for tool in transcript.tools.values():
        tool["arguments"] = tool["arguments"] or "{}"
    if isinstance(usage, dict) and (found := used(usage, transcript.begun)) != Used():
        transcript.used = found


def used(usage: dict[str, Any], begun: Used | None) -> Used:
    """Tokens, as Anthropic reports them: its input is what was neither read from the cache nor written to it.

    The end of a stream repeats of its beginning (``begun``) what it likes.
    """

    def told(name: str, before: int) -> int:
        return before if usage.get(name) is None else number(usage[name])

    was = begun or Used()
    cached = told("cache_read_input_tokens", was.cached)
    written = told("cache_creation_input_tokens", was.written)
    fresh = told("input_tokens", was.prompt - was.cached - was.written)
    details = table(usage.get("output_tokens_details"))
    return Used(
        prompt=fresh + cached + written,
        completion=told("output_tokens", was.completion),
        cached=cached,
        written=written,
        reasoning=number(details.get("thinking_tokens")),
    )
