"""OpenAI's responses."""

from __future__ import annotations

from typing import Any

from codeforge_llm_litellm import sse
from codeforge_llm_litellm.protocols import Protocol, asks_for_a_model
from codeforge_llm_litellm.protocols.chat import Chat
from codeforge_llm_litellm.transcript import Transcript, Used, number, objects, table
from codeforge_llm_litellm.trouble import Trouble

ENDS = ("response.completed", "response.incomplete", "response.failed")
NOT_KEPT = "The gateway keeps no responses: send the whole conversation as input."


class Responses(Protocol):
    """``POST /responses``: a stream is named and numbered events, from response.created to one of `ENDS`."""

    name, path = "responses", "responses"

    def check(self, body: dict[str, Any]) -> None:
        if not asks_for_a_model(body) or not isinstance(body.get("input"), str | list):
            raise Trouble(400, "invalid_request", "A response needs a model and an input, a text or a list.")
        if body.get("background"):
            message = f"{NOT_KEPT} So a response cannot be made in the background: leave background out."
            raise Trouble(400, "unsupported_parameter", message)

    def read(self, data: dict[str, Any], transcript: Transcript) -> None:
        if data.get("object") == "response":
            _whole(data, transcript)
            return
        kind, place = data.get("type"), number(data.get("output_index"))
        match kind:
            case "response.output_item.added":
                item = table(data.get("item"))
                if item.get("type") in ("function_call", "custom_tool_call"):
                    tool = transcript.tool(place)
                    tool["id"], tool["name"] = str(item.get("call_id") or ""), str(item.get("name") or "")
            case "response.output_text.delta" | "response.refusal.delta":
                transcript.content.append(str(data.get("delta") or ""))
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                transcript.reasoning.append(str(data.get("delta") or ""))
            case "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta":
                transcript.tool(place)["arguments"] += str(data.get("delta") or "")
            case "error":
                transcript.failed(data.get("error") or data)
            case _ if kind in ENDS:
                _whole(table(data.get("response")), transcript)

    def ends(self, found: dict[str, Any]) -> bool:
        return found.get("type") in ENDS

    def error(self, trouble: Trouble) -> dict[str, Any]:
        return Chat().error(trouble)

    def is_error(self, body: dict[str, Any]) -> bool:
        return Chat().is_error(body)

    def event(self, trouble: Trouble, before: dict[str, Any]) -> bytes:
        told = {"code": trouble.code, "message": trouble.message}
        place = number(before.get("sequence_number"))
        failed = {**table(before.get("response")), "object": "response", "status": "failed", "error": told}
        error = {"type": "error", **told, "param": None, "sequence_number": place + 1}
        return sse.named(error) + sse.named(
            {"type": "response.failed", "response": failed, "sequence_number": place + 2}
        )


def _whole(response: dict[str, Any], transcript: Transcript) -> None:
    """A response at its end; what was streamed before is not taken in twice."""
    streamed = bool(transcript.content or transcript.reasoning or transcript.tools)
    for place, item in enumerate([] if streamed else objects(response.get("output"))):
        _item(place, item, transcript)
    if error := response.get("error"):
        transcript.failed(error)
    usage = used(table(response.get("usage")))
    transcript.used = usage if usage != Used() else transcript.used
    why = table(response.get("incomplete_details")).get("reason")
    match response.get("status"):
        case "completed":
            transcript.finish = "tool_calls" if transcript.tools else "stop"
        case "incomplete":
            transcript.finish = "content_filter" if why == "content_filter" else "length"


def _item(place: int, item: dict[str, Any], transcript: Transcript) -> None:
    match item.get("type"):
        case "message":
            for part in objects(item.get("content")):
                transcript.content.append(str(part.get("text") or part.get("refusal") or ""))
        case "reasoning":
            for part in objects(item.get("summary")) + objects(item.get("content")):
                transcript.reasoning.append(str(part.get("text") or ""))
        case "function_call" | "custom_tool_call":
            tool = transcript.tool(place)
            tool["id"], tool["name"] = str(item.get("call_id") or ""), str(item.get("name") or "")
            tool["arguments"] = str(item.get("arguments") or item.get("input") or "")


def used(usage: dict[str, Any]) -> Used:
    """Tokens, as responses report them."""
    asked, told = table(usage.get("input_tokens_details")), table(usage.get("output_tokens_details"))
    return Used(
        prompt=number(usage.get("input_tokens")),
        completion=number(usage.get("output_tokens")),
        cached=number(asked.get("cached_tokens")),
        written=number(asked.get("cache_write_tokens")),
        reasoning=number(told.get("reasoning_tokens")),
    )
