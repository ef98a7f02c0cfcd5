"""An exchange as a file of a cassette: readable, with the whole request and what the agent was answered."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from codeforge_llm_litellm.call import Call
from codeforge_llm_litellm.cassettes import normal
from codeforge_llm_litellm.transcript import Transcript, Used
from codeforge_llm_litellm.translation.known import as_chat
from codeforge_llm_litellm.trouble import Trouble


def document(
    call: Call, transcript: Transcript, used: Used, cost_micro: int | None, *, status: int = 200, error: str = ""
) -> dict[str, Any]:
    """The file's content. Secrets that were said are in it: clean it before it is kept."""
    asked = _asked(call)
    match = {
        "userMessage": normal.last_user_text(asked),
        "turnIndex": normal.turn(asked),
        "hasToolResult": normal.has_tool_result(asked),
    }
    ours = {
        "model": f"{call.target.provider}/{call.target.model}",
        "cost_micro": cost_micro,
        "request_id": call.request_id,
        "protocol": call.protocol,
        "request": asked,
    }
    response = _response(transcript, used)
    if error or status >= 400:
        response |= {"error": {"message": error}, "status": status if status >= 400 else 502}
    return {"fixtures": [{"match": match, "response": response, "codeforge": ours}]}


def _asked(call: Call) -> dict[str, Any]:
    """The request as a chat completion's, which is what cassettes are asked for; as it is where no chat can say it."""
    try:
        return as_chat(call, plain=True)
    except Trouble:
        return call.body


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


def written(found: dict[str, Any]) -> str:
    """The document as text for people."""
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def put(folder: Path, text: str) -> Path:
    """Write a document into a cassette as its next file."""
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
