"""A streamed answer, put together: words and calls of tools."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any


class Answer:
    """``finish`` says why the model ended it, in OpenAI's words, once it is whole."""

    def __init__(self) -> None:
        self.text = self._reasoning = ""
        self.finish: str | None = None
        self._calls: list[dict[str, Any]] = []
        self._indices: list[Any] = []

    def add(self, delta: dict[str, Any]) -> str:
        """Take the next piece; gives the words in it."""
        words = delta.get("content")
        words = words if isinstance(words, str) else ""
        self.text += words
        if isinstance(thought := delta.get("reasoning_content"), str):
            self._reasoning += thought
        calls = delta.get("tool_calls")
        for piece in calls if isinstance(calls, list) else ():
            if isinstance(piece, dict):
                self._add_call(piece)
        return words

    def _add_call(self, piece: dict[str, Any]) -> None:
        index, told = piece.get("index"), piece.get("function")
        function = told if isinstance(told, dict) else {}
        at = self._indices.index(index) if index in self._indices else None
        if at is not None and function.get("name") and piece.get("id") not in (None, "", self._calls[at]["id"]):
            self._indices[at], at = object(), None  # some servers number all of their calls 0
        if at is None:
            at = len(self._calls)
            self._indices.append(index)
            self._calls.append({"id": f"call_{at}", "type": "function", "function": {"name": "", "arguments": ""}})
        call = self._calls[at]
        kept = {k: v for k, v in piece.items() if k not in ("index", "function", "type") and v}
        call.update(kept)  # what else a provider gives, such as signatures, it wants back
        for name in ("name", "arguments"):
            value = function.get(name)
            call["function"][name] += value if isinstance(value, str) else json.dumps(value) if value else ""

    @property
    def cut(self) -> bool:
        """Whether it ran into its output limit: then nothing may be made of what it calls."""
        return self.finish == "length"

    @property
    def plain(self) -> bool:
        """Whether it is nothing but words, to their end."""
        return bool(self.text.strip()) and not self._calls and not self.cut

    @property
    def calls(self) -> list[SimpleNamespace]:
        """The calls of tools, in the shape in which mini-swe-agent reads them."""
        return [SimpleNamespace(id=c["id"], function=SimpleNamespace(**c["function"])) for c in self._calls]

    @property
    def message(self) -> dict[str, Any]:
        """The answer as the conversation keeps it."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text or None, "tool_calls": self._calls}
        if self._reasoning:  # those who say it want to hear it again while tools are called
            message["reasoning_content"] = self._reasoning
        return message
