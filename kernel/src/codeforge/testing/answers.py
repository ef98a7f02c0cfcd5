"""Sends a scripted answer over HTTP, streamed or whole, as OpenAI's chat completions look."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from codeforge.testing.steps import Step


async def send(step: Step, body: dict[str, Any], request: web.Request) -> web.StreamResponse:
    """Answer ``request`` with ``step``."""
    if step.then in {"hang", "cut"} and not step.until:
        await _leave(step, request)
    if step.status != 200:
        error = {"message": step.text, "type": "scripted_error", "param": None, "code": step.code}
        return web.json_response({"error": error}, status=step.status, headers=step.headers)
    base = {"id": f"chatcmpl-{time.monotonic_ns()}", "created": int(time.time()), "model": body["model"]}
    if not body.get("stream"):
        if step.then in {"hang", "cut"}:
            await _leave(step, request)
        return web.json_response({**base, **_whole(step)}, headers=step.headers)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", **step.headers})
    await response.prepare(request)
    for data in _chunks(step, with_usage=bool((body.get("stream_options") or {}).get("include_usage"))):
        await response.write(b"data: " + json.dumps({**base, **data}).encode() + b"\n\n")
        await asyncio.sleep(step.pause)
    if step.then in {"hang", "cut"}:
        await _leave(step, request)
    await response.write(b"data: [DONE]\n\n")
    await response.write_eof()
    return response


async def _leave(step: Step, request: web.Request) -> None:
    if step.then == "cut" and request.transport:
        request.transport.abort()
    await asyncio.Event().wait()  # ends when the client goes or the server closes


def _whole(step: Step) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": step.text}
    if step.reasoning:
        message["reasoning_content"] = step.reasoning
    if step.tools:
        message["tool_calls"] = _tool_calls(step)
    choice = {"index": 0, "message": message, "finish_reason": _finish(step)}
    usage = {"usage": _usage(step)} if step.usage else {}
    return {"object": "chat.completion", "choices": [choice], **usage}


def _chunks(step: Step, *, with_usage: bool) -> Iterator[dict[str, Any]]:
    yield _chunk({"role": "assistant", "content": ""})
    for start in range(0, len(step.reasoning), step.size):
        yield _chunk({"reasoning_content": step.reasoning[start : start + step.size]})
    text = step.text[: int(len(step.text) * step.until)]
    for start in range(0, len(text), step.size):
        yield _chunk({"content": text[start : start + step.size]})
    if step.then == "error":
        yield {"error": {"message": "scripted error in mid-stream", "code": step.code}}
    if step.then != "end":
        return
    if step.tools:
        yield _chunk({"tool_calls": _tool_calls(step)})
    yield _chunk({}, _finish(step))
    if with_usage and step.usage:
        yield {"object": "chat.completion.chunk", "choices": [], "usage": _usage(step)}


def _chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def _tool_calls(step: Step) -> list[dict[str, Any]]:
    return [
        {"index": n, "id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": json.dumps(said)}}
        for n, (name, said) in enumerate(step.tools)
    ]


def _finish(step: Step) -> str:
    return "tool_calls" if step.tools and step.finish == "stop" else step.finish


def _usage(step: Step) -> dict[str, int]:
    prompt, completion = step.usage or (0, 0)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
