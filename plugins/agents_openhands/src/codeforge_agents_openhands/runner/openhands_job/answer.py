"""A streamed answer, put together from its deltas."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class ToolCall:
    """A call of a tool as far as it has come."""

    id: str
    name: str = ""
    arguments: str = ""


@dataclass
class Answer:
    """What the model said, and the tools that it calls. ``cut``: it ran into its output limit."""

    text: str = ""
    thought: str = ""
    calls: dict[int, ToolCall] = field(default_factory=dict)
    usage: tuple[int, int] | None = None
    cut: bool = False

    def add(self, delta: dict[str, Any]) -> None:
        self.text += str(delta.get("content") or "")
        self.thought += str(delta.get("reasoning_content") or delta.get("reasoning") or "")
        for part in delta.get("tool_calls") or ():
            if isinstance(part, dict):
                self._add_call(part)

    def close(self, finish: str | None, usage: tuple[int, int] | None) -> None:
        """The answer is whole. Calls of an answer that was cut are dropped: half a file must not be written."""
        self.usage, self.cut = usage, finish == "length"
        if self.cut:
            self.calls.clear()

    def _add_call(self, part: dict[str, Any]) -> None:
        index = part.get("index")
        if not isinstance(index, int):  # some servers count nothing and send each call whole
            index = len(self.calls) if part.get("id") or not self.calls else max(self.calls)
        call = self.calls.setdefault(index, ToolCall(id=""))
        call.id = call.id or str(part.get("id") or "")
        function = part.get("function")
        if isinstance(function, dict):
            call.name += str(function.get("name") or "")
            arguments = function.get("arguments")
            call.arguments += arguments if isinstance(arguments, str) else ""
