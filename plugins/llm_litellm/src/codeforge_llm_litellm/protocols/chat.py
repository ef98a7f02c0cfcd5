"""OpenAI's chat completions."""

from __future__ import annotations

from typing import Any

from codeforge_llm_litellm import sse
from codeforge_llm_litellm.protocols import Protocol, asks_for_a_model
from codeforge_llm_litellm.transcript import Transcript, Used, number, objects, table
from codeforge_llm_litellm.trouble import Trouble

TYPES = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    409: "conflict_error",
    429: "rate_limit_error",
}


class Chat(Protocol):
    """``POST /chat/completions``: a stream is chunks and ``[DONE]``."""

    name, path, end = "chat", "chat/completions", sse.DONE

    def check(self, body: dict[str, Any]) -> None:
        if not asks_for_a_model(body) or not isinstance(body.get("messages"), list):
            raise Trouble(400, "invalid_request", "A chat completion needs a model and a list of messages.")
        if not isinstance(body.get("stream_options") or {}, dict):
            raise Trouble(400, "invalid_request", "The stream_options must be an object.")

    def outgoing(self, body: dict[str, Any]) -> dict[str, Any]:
        if not body.get("stream"):
            return body
        return {**body, "stream_options": {**(body.get("stream_options") or {}), "include_usage": True}}

    def read(self, data: dict[str, Any], transcript: Transcript) -> None:
        if isinstance(usage := data.get("usage"), dict) and (found := used(usage)) != Used():
            transcript.used = found
        if error := data.get("error"):
            transcript.failed(error)
        for choice in objects(data.get("choices")):
            transcript.finish = choice.get("finish_reason") or transcript.finish
            message = choice.get("delta") or choice.get("message")
            if isinstance(message, dict) and not choice.get("index"):
                _read_message(message, transcript)

    def ends(self, found: dict[str, Any]) -> bool:
        return False  # [DONE] does, which is no object

    def hides(self, body: dict[str, Any], found: dict[str, Any]) -> bool:
        wanted = (body.get("stream_options") or {}).get("include_usage")
        return not wanted and bool(found.get("usage")) and not found.get("choices")

    def error(self, trouble: Trouble) -> dict[str, Any]:
        kind = TYPES.get(trouble.status, "invalid_request_error" if trouble.status < 500 else "server_error")
        return {"error": {"message": trouble.message, "type": kind, "param": None, "code": trouble.code}}

    def is_error(self, body: dict[str, Any]) -> bool:
        return isinstance(body.get("error"), dict) and body.get("type") != "error"

    def event(self, trouble: Trouble, before: dict[str, Any]) -> bytes:
        return sse.event(self.error(trouble))


def _read_message(message: dict[str, Any], transcript: Transcript) -> None:
    if isinstance(text := message.get("content"), str):
        transcript.content.append(text)
    if isinstance(text := message.get("reasoning_content") or message.get("reasoning"), str):
        transcript.reasoning.append(text)
    for place, call in enumerate(objects(message.get("tool_calls"))):
        tool = transcript.tool(number(call.get("index", place)))
        tool["id"] = str(call.get("id") or tool["id"])
        for function in objects([call.get("function")]):
            tool["name"] = str(function.get("name") or tool["name"])
            tool["arguments"] += str(function.get("arguments") or "")


def used(usage: dict[str, Any]) -> Used:
    """Tokens, as chat completions report them."""
    asked, told = table(usage.get("prompt_tokens_details")), table(usage.get("completion_tokens_details"))
    return Used(
        prompt=number(usage.get("prompt_tokens")),
        completion=number(usage.get("completion_tokens")),
        cached=number(asked.get("cached_tokens") or usage.get("prompt_cache_hit_tokens")),
        written=number(usage.get("cache_creation_input_tokens") or asked.get("cache_write_tokens")),
        reasoning=number(told.get("reasoning_tokens")),
    )
