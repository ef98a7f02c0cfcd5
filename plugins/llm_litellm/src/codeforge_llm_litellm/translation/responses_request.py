"""Puts a request for OpenAI's response as a chat completion's."""

from __future__ import annotations

import json
from typing import Any

from codeforge_llm_litellm.protocols.responses import NOT_KEPT
from codeforge_llm_litellm.transcript import objects, table
from codeforge_llm_litellm.trouble import Trouble

# what has a word of its own in a chat, or none at all; everything else goes along as it is
OWN = frozenset(
    {
        "model", "instructions", "input", "max_output_tokens", "tools", "tool_choice", "text", "reasoning", "store",
        "include", "metadata", "truncation", "previous_response_id", "conversation", "prompt", "background",
        "max_tool_calls", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
        "stream_options", "top_logprobs", "context_management", "parallel_tool_calls", "client_metadata",
    }
)  # fmt: skip
KEPT = ("previous_response_id", "conversation", "prompt")
"""Fields that name what a provider keeps."""
WORDS = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
"""What a chat's function takes that stands for a tool of free text."""


def chat(body: dict[str, Any], *, openai: bool) -> dict[str, Any]:
    """The same request as a chat. Raises `Trouble` 400 where it refers to what somebody should have kept."""
    for name in KEPT:
        if body.get(name):
            raise _not_kept(name)
    asked = {name: value for name, value in body.items() if name not in OWN}
    asked |= {"model": body["model"], "messages": _messages(body)}
    if (most := body.get("max_output_tokens")) is not None:
        asked["max_completion_tokens" if openai else "max_tokens"] = most
    if effort := table(body.get("reasoning")).get("effort"):
        asked["reasoning_effort"] = effort
    form = table(table(body.get("text")).get("format"))
    if form.get("type") == "json_schema":
        named = {name: form[name] for name in ("name", "description", "schema", "strict") if form.get(name) is not None}
        asked["response_format"] = {"type": "json_schema", "json_schema": named}
    elif form.get("type") == "json_object":
        asked["response_format"] = {"type": "json_object"}
    if tools := [_tool(tool) for tool in objects(body.get("tools")) if tool.get("type") in ("function", "custom")]:
        asked |= {"tools": tools, **_choice(body.get("tool_choice"))}
        if body.get("parallel_tool_calls") is not None:
            asked["parallel_tool_calls"] = body["parallel_tool_calls"]
    return asked


def custom(body: dict[str, Any]) -> set[str]:
    """The names of the tools that take free text."""
    return {str(tool.get("name")) for tool in objects(body.get("tools")) if tool.get("type") == "custom"}


def _not_kept(name: str) -> Trouble:
    message = f"The model's provider keeps nothing that {name} could refer to. {NOT_KEPT}"
    return Trouble(400, "unsupported_parameter", message)


def _messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    if instructions := body.get("instructions"):
        told.append({"role": "system", "content": str(instructions)})
    if isinstance(given := body["input"], str):
        return [*told, {"role": "user", "content": given}]
    for item in objects(given):
        _item(item, told)
    return told


def _item(item: dict[str, Any], told: list[dict[str, Any]]) -> None:
    """Add what an item says; what the model thought, and what a provider's own tools did, has no word in a chat."""
    match item.get("type") or "message":
        case "message":
            role = {"developer": "system"}.get(str(item.get("role")), item.get("role"))
            told.append({"role": role, "content": _content(item.get("content"), plain=role != "user")})
        case "function_call":
            _called(item, str(item.get("arguments") or "{}"), told)
        case "custom_tool_call":
            _called(item, json.dumps({"input": item.get("input")}, ensure_ascii=False), told)
        case "function_call_output" | "custom_tool_call_output":
            output = _content(item.get("output"), plain=True)
            told.append({"role": "tool", "tool_call_id": item.get("call_id"), "content": output})
        case "item_reference":
            raise _not_kept("an item_reference")


def _called(item: dict[str, Any], arguments: str, told: list[dict[str, Any]]) -> None:
    if not told or told[-1]["role"] != "assistant":
        told.append({"role": "assistant", "content": None})
    function = {"name": item.get("name"), "arguments": arguments}
    told[-1].setdefault("tool_calls", []).append({"id": item.get("call_id"), "type": "function", "function": function})


def _content(content: object, *, plain: bool) -> Any:
    if not isinstance(content, list):
        return content
    parts = [part for one in objects(content) if (part := _part(one))]
    if plain or all(part["type"] == "text" for part in parts):
        return "".join(part.get("text", "") for part in parts)
    return parts


def _part(part: dict[str, Any]) -> dict[str, Any] | None:
    match part.get("type"):
        case "input_text" | "output_text" | "text":
            return {"type": "text", "text": str(part.get("text") or "")}
        case "refusal":
            return {"type": "text", "text": str(part.get("refusal") or "")}
        case "input_image":
            detail = {"detail": part["detail"]} if part.get("detail") else {}
            return {"type": "image_url", "image_url": {"url": str(part.get("image_url") or ""), **detail}}
        case "input_file":
            file = {name: part[name] for name in ("filename", "file_data", "file_id") if part.get(name)}
            return {"type": "file", "file": file}
    return None


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    function = {
        name: tool[name] for name in ("name", "description", "parameters", "strict") if tool.get(name) is not None
    }
    if tool["type"] == "custom":
        function["parameters"] = WORDS
        if grammar := table(tool.get("format")).get("definition"):
            function["description"] = f"{tool.get('description') or ''}\nThe input has this grammar:\n{grammar}".strip()
    return {"type": "function", "function": function}


def _choice(choice: object) -> dict[str, Any]:
    if isinstance(choice, str):
        return {"tool_choice": choice}
    found = table(choice)
    match found.get("type"):
        case "function" | "custom":
            return {"tool_choice": {"type": "function", "function": {"name": found.get("name")}}}
        case "allowed_tools":
            return {"tool_choice": found.get("mode") or "auto"}
    return {}
