"""Tells a chat completion as OpenAI's response: items one after the other, numbered events when it is streamed."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from codeforge_llm_litellm.transcript import Used, table
from codeforge_llm_litellm.translation import Event, Telling, new_id
from codeforge_llm_litellm.translation.responses_request import custom
from codeforge_llm_litellm.trouble import Trouble

# what a response repeats of its request, and what it says where the request left it open
REPEATED: dict[str, Any] = {
    "instructions": None, "max_output_tokens": None, "metadata": {}, "parallel_tool_calls": True, "reasoning": None,
    "temperature": None, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": None,
    "truncation": "disabled", "user": None,
}  # fmt: skip
INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


class ResponseTelling(Telling):
    """Builds the response's items while it tells them; what is streamed is what `whole` holds."""

    def __init__(self, model: str, asked: dict[str, Any]) -> None:
        super().__init__(model)
        self._asked, self._custom = asked, custom(asked)
        self._id, self._created, self._number = new_id("resp"), int(time.time()), -1
        self._items: list[dict[str, Any]] = []
        self._open = -1
        self._tools: dict[int, int] = {}
        self._pieces: defaultdict[int, list[str]] = defaultdict(list)

    def whole(self) -> dict[str, Any]:
        why = INCOMPLETE.get(str(self.heard.finish))
        ended = {"status": "incomplete" if why else "completed", "incomplete_details": {"reason": why} if why else None}
        return {**self._response(), **ended, "usage": _usage(self.heard.used or Used())}

    def _response(self) -> dict[str, Any]:
        repeated = {name: self._asked.get(name, otherwise) for name, otherwise in REPEATED.items()}
        made = {"id": self._id, "object": "response", "created_at": self._created, "status": "in_progress"}
        nothing = {"error": None, "incomplete_details": None, "previous_response_id": None, "usage": None}
        return {**made, "model": self.model, "output": self._items, "store": False, **nothing, **repeated}

    def _event(self, kind: str, **told: Any) -> Event:
        self._number += 1
        return {"type": f"response.{kind}", "sequence_number": self._number, **told}

    def _of(self, number: int) -> dict[str, Any]:
        """By what an event says to which item it belongs."""
        return {"item_id": self._items[number]["id"], "output_index": number}

    def _begin(self) -> Iterator[Event]:
        for kind in ("created", "in_progress"):
            yield self._event(kind, response={**self._response(), "output": []})

    def _text(self, text: str) -> Iterator[Event]:
        if not self._goes_on("message"):
            item = {"type": "message", "id": new_id("msg"), "status": "in_progress", "role": "assistant", "content": []}
            yield from self._add(item)
            part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
            self._items[-1]["content"].append(part)
            yield self._event("content_part.added", **self._of(self._open), content_index=0, part=dict(part))
        self._pieces[self._open].append(text)
        yield self._event("output_text.delta", **self._of(self._open), content_index=0, delta=text, logprobs=[])

    def _reasoning(self, text: str) -> Iterator[Event]:
        if not self._goes_on("reasoning"):
            yield from self._add({"type": "reasoning", "id": new_id("rs"), "status": "in_progress", "summary": []})
            part = {"type": "summary_text", "text": ""}
            self._items[-1]["summary"].append(part)
            yield self._event("reasoning_summary_part.added", **self._of(self._open), summary_index=0, part=dict(part))
        self._pieces[self._open].append(text)
        yield self._event("reasoning_summary_text.delta", **self._of(self._open), summary_index=0, delta=text)

    def _tool(self, place: int, call: dict[str, Any], function: dict[str, Any]) -> Iterator[Event]:
        if place not in self._tools:
            name, called = str(function.get("name") or ""), str(call.get("id") or new_id("call"))
            kind, takes = ("custom_tool_call", "input") if name in self._custom else ("function_call", "arguments")
            made = {"type": kind, "id": new_id("fc"), "status": "in_progress", "call_id": called, "name": name}
            yield from self._add({**made, takes: ""})
            self._tools[place] = self._open
        number = self._tools[place]
        if text := str(function.get("arguments") or ""):
            self._pieces[number].append(text)
            if self._items[number]["type"] == "function_call":  # a tool's free text is inside JSON until the end
                yield self._event("function_call_arguments.delta", **self._of(number), delta=text)

    def _goes_on(self, kind: str) -> bool:
        return self._open >= 0 and bool(self._items[self._open]["type"] == kind)

    def _add(self, item: dict[str, Any]) -> Iterator[Event]:
        if self._open >= 0 and self._open not in self._tools.values():
            yield from self._done(self._open)
        self._open = len(self._items)
        self._items.append(item)
        yield self._event("output_item.added", output_index=self._open, item=dict(item))

    def _done(self, number: int) -> Iterator[Event]:
        item, of = self._filled(number), self._of(number)
        match item["type"]:
            case "message":
                part = item["content"][0]
                yield self._event("output_text.done", **of, content_index=0, text=part["text"], logprobs=[])
                yield self._event("content_part.done", **of, content_index=0, part=part)
            case "reasoning":
                part = item["summary"][0]
                yield self._event("reasoning_summary_text.done", **of, summary_index=0, text=part["text"])
                yield self._event("reasoning_summary_part.done", **of, summary_index=0, part=part)
            case "custom_tool_call":
                yield self._event("custom_tool_call_input.delta", **of, delta=item["input"])
                yield self._event("custom_tool_call_input.done", **of, input=item["input"])
            case _:
                told = {"name": item["name"], "arguments": item["arguments"]}
                yield self._event("function_call_arguments.done", **of, **told)
        item["status"] = "completed"
        yield self._event("output_item.done", output_index=number, item=item)

    def _filled(self, number: int) -> dict[str, Any]:
        """The item with what its pieces add up to so far."""
        item, text = self._items[number], "".join(self._pieces[number])
        match item["type"]:
            case "message":
                item["content"][0]["text"] = text
            case "reasoning":
                item["summary"][0]["text"] = text
            case "custom_tool_call":
                item["input"] = _words(text)
            case _:
                item["arguments"] = text or "{}"
        return item

    def _finish(self) -> Iterator[Event]:
        for number, item in enumerate(self._items):  # tools may come in turns, so that none ends before the end
            if item["status"] == "in_progress":
                yield from self._done(number)
        ended = self.whole()
        yield self._event(ended["status"], response=ended)

    def _trouble(self, trouble: Trouble) -> Iterator[Event]:
        told = {"code": trouble.code, "message": trouble.message}
        for number in range(len(self._items)):
            self._filled(number)
        self._number += 1
        yield {"type": "error", "sequence_number": self._number, **told, "param": None}
        yield self._event("failed", response={**self._response(), "status": "failed", "error": told})


def _words(arguments: str) -> str:
    """The free text that a model put into a function's arguments."""
    try:
        found = table(json.loads(arguments)).get("input")
    except (ValueError, RecursionError):
        return arguments
    return found if isinstance(found, str) else arguments


def _usage(used: Used) -> dict[str, Any]:
    asked = {"cached_tokens": used.cached, **({"cache_write_tokens": used.written} if used.written else {})}
    return {
        "input_tokens": used.prompt,
        "input_tokens_details": asked,
        "output_tokens": used.completion,
        "output_tokens_details": {"reasoning_tokens": used.reasoning},
        "total_tokens": used.prompt + used.completion,
    }
