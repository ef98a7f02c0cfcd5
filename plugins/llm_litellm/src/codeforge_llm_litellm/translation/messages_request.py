"""Puts a request for Anthropic's message as a chat completion's."""

from __future__ import annotations

import json
from typing import Any

from codeforge_llm_litellm.transcript import objects, table

# what has a word of its own in a chat, or none at all; everything else goes along as it is
OWN = frozenset(
    {
        "model", "system", "messages", "max_tokens", "stop_sequences", "tools", "tool_choice", "metadata", "thinking",
        "output_config", "output_format", "top_k", "container", "context_management", "mcp_servers", "service_tier",
        "speed", "betas", "inference_geo", "cache_control",
    }
)  # fmt: skip
CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def chat(body: dict[str, Any], *, openai: bool, litellm: bool, rich: bool) -> dict[str, Any]:
    """The same request as a chat. ``openai`` and ``litellm`` say who reads it; ``rich`` that litellm hands it to one of
    Anthropic's models, elsewhere, which understands what was said of caching and the proofs of its thinking.
    """
    asked = {name: value for name, value in body.items() if name not in OWN}
    asked |= {"model": body["model"], "messages": _system(body.get("system"), rich)}
    for message in objects(body.get("messages")):
        asked["messages"] += _message(message, rich)
    if (most := body.get("max_tokens")) is not None:
        asked["max_completion_tokens" if openai else "max_tokens"] = most
    if stops := body.get("stop_sequences"):
        asked["stop"] = stops
    if not openai and body.get("top_k") is not None:
        asked["top_k"] = body["top_k"]
    if litellm and body.get("thinking"):
        asked["thinking"] = body["thinking"]
    form = table(body.get("output_format") or table(body.get("output_config")).get("format"))
    if schema := form.get("schema"):
        named = {"name": "answer", "schema": schema, "strict": True}
        asked["response_format"] = {"type": "json_schema", "json_schema": named}
    if tools := [_tool(tool, rich) for tool in objects(body.get("tools")) if "input_schema" in tool]:
        asked |= {"tools": tools, **_choice(table(body.get("tool_choice")))}
    return asked


def _kept(found: dict[str, Any], rich: bool) -> dict[str, Any]:
    return {"cache_control": found["cache_control"]} if rich and found.get("cache_control") else {}


def _system(system: object, rich: bool) -> list[dict[str, Any]]:
    if isinstance(system, str):
        return [{"role": "system", "content": system}] if system else []
    texts = [_text(block, rich) for block in objects(system) if isinstance(block.get("text"), str)]
    if not texts:
        return []
    return [{"role": "system", "content": texts if rich else "\n\n".join(text["text"] for text in texts)}]


def _text(block: dict[str, Any], rich: bool) -> dict[str, Any]:
    return {"type": "text", "text": block["text"], **_kept(block, rich)}


def _message(message: dict[str, Any], rich: bool) -> list[dict[str, Any]]:
    role, content = message.get("role"), message.get("content")
    if not isinstance(content, list):
        return [{"role": role, "content": content}]
    if role == "assistant":
        return [_assistant(objects(content), rich)]
    results, parts = [], []
    for block in objects(content):
        if block.get("type") == "tool_result":
            texts, pictures = _result(block, rich)
            results.append({"role": "tool", "tool_call_id": block.get("tool_use_id"), "content": texts})
            parts += pictures  # which no tool may answer in a chat
        elif part := _part(block, rich):
            parts.append(part)
    plain = parts[0]["text"] if len(parts) == 1 and set(parts[0]) == {"type", "text"} else parts
    return [*results, {"role": role, "content": plain}] if parts or not results else results


def _part(block: dict[str, Any], rich: bool) -> dict[str, Any] | None:
    source = table(block.get("source"))
    match block.get("type"):
        case "text" if isinstance(block.get("text"), str):
            return _text(block, rich)
        case "image":
            return {"type": "image_url", "image_url": {"url": _address(source)}, **_kept(block, rich)}
        case "document":
            return _document(block, source)
        case "search_result":
            texts = [str(one.get("text") or "") for one in objects(block.get("content"))]
            return {"type": "text", "text": "\n".join([str(block.get("title") or ""), *texts])}
    return None


def _document(block: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
    if source.get("type") == "text":
        return {"type": "text", "text": str(source.get("data") or "")}
    if source.get("type") == "content":
        texts = [str(one.get("text") or "") for one in objects(source.get("content"))]
        return {"type": "text", "text": "\n".join(texts) or str(source.get("content") or "")}
    name = str(block.get("title") or "document.pdf")
    return {"type": "file", "file": {"filename": name, "file_data": _address(source)}}


def _address(source: dict[str, Any]) -> str:
    if source.get("type") == "base64":
        return f"data:{source.get('media_type') or 'image/png'};base64,{source.get('data') or ''}"
    return str(source.get("url") or "")


def _result(block: dict[str, Any], rich: bool) -> tuple[str, list[dict[str, Any]]]:
    """What a tool answered: its text, and its pictures."""
    content = block.get("content")
    if not isinstance(content, list):
        return str(content or ""), []
    parts = [part for one in objects(content) if (part := _part(one, rich))]
    texts = [part["text"] for part in parts if part["type"] == "text"]
    return "\n".join(texts), [part for part in parts if part["type"] != "text"]


def _assistant(blocks: list[dict[str, Any]], rich: bool) -> dict[str, Any]:
    texts = [block["text"] for block in blocks if block.get("type") == "text" and isinstance(block.get("text"), str)]
    said: dict[str, Any] = {"role": "assistant", "content": "".join(texts) or None}
    proven = [
        b
        for b in blocks
        if b.get("type") == "redacted_thinking" or (b.get("type") == "thinking" and b.get("signature"))
    ]
    if rich and proven:
        said["thinking_blocks"] = proven
    if calls := [_call(block) for block in blocks if block.get("type") == "tool_use"]:
        said["tool_calls"] = calls
    return said if calls or texts else {**said, "content": ""}


def _call(block: dict[str, Any]) -> dict[str, Any]:
    arguments = json.dumps(block.get("input") or {}, ensure_ascii=False)
    return {"id": block.get("id"), "type": "function", "function": {"name": block.get("name"), "arguments": arguments}}


def _tool(tool: dict[str, Any], rich: bool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.get("name"), "parameters": tool["input_schema"]}
    function |= {name: tool[name] for name in ("description", "strict") if name in tool}
    return {"type": "function", "function": function, **_kept(tool, rich)}


def _choice(choice: dict[str, Any]) -> dict[str, Any]:
    alone = {"parallel_tool_calls": False} if choice.get("disable_parallel_tool_use") else {}
    if choice.get("type") == "tool":
        return {"tool_choice": {"type": "function", "function": {"name": choice.get("name")}}, **alone}
    meant = CHOICES.get(str(choice.get("type")))
    return {"tool_choice": meant, **alone} if meant else alone
