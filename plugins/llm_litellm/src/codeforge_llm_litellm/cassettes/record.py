"""Writes an exchange into a cassette: without secrets, without this machine's paths, readable and in order."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from codeforge_llm_litellm.call import Call
from codeforge_llm_litellm.cassettes import normal
from codeforge_llm_litellm.transcript import Transcript, Used
from codeforge_llm_litellm.translation.known import as_chat


def keep(
    call: Call, transcript: Transcript, used: Used, cost_micro: int | None, *, home: str, secrets: Iterable[str]
) -> Path:
    """Write what was asked and answered into the call's cassette as its next file."""
    assert call.target.record
    asked = normal.request(as_chat(call, plain=True), home)
    match = {
        "userMessage": normal.last_user_text(asked),
        "turnIndex": normal.turn(asked),
        "hasToolResult": normal.has_tool_result(asked),
    }
    ours = {
        "model": f"{call.target.provider}/{call.target.model}",
        "cost_micro": cost_micro,
        "request_sha256": normal.digest(asked),
        "request": asked,
    }
    fixture = {"match": match, "response": _response(transcript, used), "codeforge": ours}
    text = json.dumps({"fixtures": [fixture]}, ensure_ascii=False, indent=1)
    for secret in secrets:
        text = text.replace(secret, "•••") if len(secret) >= 8 else text
    return _next(call.target.record, text + "\n")


def _response(transcript: Transcript, used: Used) -> dict[str, Any]:
    usage: dict[str, Any] = {"prompt_tokens": used.prompt, "completion_tokens": used.completion}
    if used.cached:
        usage["prompt_tokens_details"] = {"cached_tokens": used.cached}
    response: dict[str, Any] = {}
    if transcript.content or not transcript.tools:
        response["content"] = "".join(transcript.content)
    if transcript.reasoning:
        response["reasoning"] = "".join(transcript.reasoning)
    if transcript.tools:
        response["toolCalls"] = [tool for _, tool in sorted(transcript.tools.items())]
    return {**response, "finishReason": transcript.finish or "stop", "usage": usage}


def _next(folder: Path, text: str) -> Path:
    number = sum(1 for _ in folder.glob("*.json"))
    while True:
        number += 1
        path = folder / f"{number:03d}.json"
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            continue
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        return path
