"""The conversation, as the model is told it, kept between the turns of a task."""

from __future__ import annotations

import json
from itertools import takewhile
from pathlib import Path
from typing import Any

from codeforge_agent.job import Job

ROLES = {"system", "user", "assistant", "tool"}


class Conversation:
    """``before`` holds the messages of the turns before, none in a first turn or when they cannot be read."""

    def __init__(self, job: Job) -> None:
        self._path = Path(job.state) / "swe.json"
        self.before = self._read() if job.follow_up else []

    def keep(self, messages: list[dict[str, Any]]) -> None:
        """Leave it for a turn that follows; whole or not at all."""
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps({"messages": said(messages)}), encoding="utf-8")
        new.replace(self._path)

    def _read(self) -> list[dict[str, Any]]:
        try:
            return _whole(json.loads(self._path.read_text(encoding="utf-8"))["messages"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return []


def said(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the model is told: no notes of the agent's own, and not how it ended."""
    return [{k: v for k, v in message.items() if k != "extra"} for message in messages if message["role"] in ROLES]


def _whole(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With a result for each call of a tool: one that submitted, or was cut off, has none, and models insist."""
    whole: list[dict[str, Any]] = []
    for number, message in enumerate(messages):
        whole.append(message)
        results = takewhile(lambda one: one["role"] == "tool", messages[number + 1 :])
        answered = {result["tool_call_id"] for result in results}
        left = [call["id"] for call in message.get("tool_calls") or () if call["id"] not in answered]
        whole += [{"role": "tool", "tool_call_id": call, "content": "The turn ended here."} for call in left]
    return whole
