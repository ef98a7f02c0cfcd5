"""How a scripted answer looks in each protocol: whole, as a stream's events, and as an error."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from codeforge.testing.steps import Step

Data = dict[str, Any]


class Chat:
    """OpenAI's chat completions."""

    path, end = "/v1/chat/completions", b"data: [DONE]\n\n"

    def __init__(self, step: Step, body: Data) -> None:
        self.step, self.body = step, body
        self.id, self.model = f"{time.monotonic_ns()}", body["model"]

    def error(self) -> Data:
        step = self.step
        return {"error": {"message": step.text, "type": "scripted_error", "param": None, "code": step.code}}

    def whole(self) -> Data:
        step = self.step
        message: Data = {"role": "assistant", "content": step.text}
        if step.reasoning:
            message["reasoning_content"] = step.reasoning
        if step.tools:
            message["tool_calls"] = self._tool_calls()
        choice = {"index": 0, "message": message, "finish_reason": step.finished}
        return {**self._head("chat.completion"), "choices": [choice], **self._usage()}

    def events(self) -> Iterator[Data]:
        step = self.step
        yield self._chunk({"role": "assistant", "content": ""})
        for piece in step.pieces(step.reasoning):
            yield self._chunk({"reasoning_content": piece})
        for piece in step.pieces(step.told):
            yield self._chunk({"content": piece})
        if step.then == "error":
            yield {**self._head("chat.completion.chunk"), "error": {"message": MIDWAY, "code": step.code}}
        if step.then != "end":
            return
        if step.tools:
            yield self._chunk({"tool_calls": self._tool_calls()})
        yield self._chunk({}, step.finished)
        if (self.body.get("stream_options") or {}).get("include_usage") and step.usage:
            yield {**self._head("chat.completion.chunk"), "choices": [], **self._usage()}

    def framed(self, data: Data) -> bytes:
        return b"data: " + json.dumps(data).encode() + b"\n\n"

    def _head(self, kind: str) -> Data:
        return {"id": f"chatcmpl-{self.id}", "created": int(time.time()), "model": self.model, "object": kind}

    def _chunk(self, delta: Data, finish: str | None = None) -> Data:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {**self._head("chat.completion.chunk"), "choices": [choice]}

    def _tool_calls(self) -> list[Data]:
        called = [{"name": name, "arguments": json.dumps(said)} for name, said in self.step.tools]
        return [{"index": n, "id": f"call_{n}", "type": "function", "function": one} for n, one in enumerate(called)]

    def _usage(self) -> Data:
        if not self.step.usage:
            return {}
        prompt, completion = self.step.usage
        return {
            "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
        }


class Messages(Chat):
    """Anthropic's messages."""

    path, end = "/v1/messages", b""

    def error(self) -> Data:
        return {"type": "error", "error": {"type": self.step.code or "api_error", "message": self.step.text}}

    def whole(self) -> Data:
        return {**self._message(), "content": self._blocks(), "stop_reason": self._stop(), "usage": self._tokens()}

    def events(self) -> Iterator[Data]:
        step = self.step
        begun = {**self._message(), "content": [], "stop_reason": None, "usage": {**self._tokens(), "output_tokens": 1}}
        yield {"type": "message_start", "message": begun}
        for number, block in enumerate(self._blocks()):
            for at in self._block(number, block):
                if step.then == "end" or at.get("type") != "content_block_stop":
                    yield at
        if step.then == "error":
            yield {"type": "error", "error": {"type": step.code or "api_error", "message": MIDWAY}}
        if step.then == "end":
            used = {"output_tokens": self._tokens().get("output_tokens", 0)} if step.usage else {}
            yield {"type": "message_delta", "delta": {"stop_reason": self._stop()}, "usage": used}
            yield {"type": "message_stop"}

    def framed(self, data: Data) -> bytes:
        return b"event: " + str(data["type"]).encode() + b"\n" + super().framed(data)

    def _message(self) -> Data:
        return {"id": f"msg_{self.id}", "type": "message", "role": "assistant", "model": self.model}

    def _blocks(self) -> list[Data]:
        step = self.step
        found: list[Data] = [{"type": "thinking", "thinking": step.reasoning}] if step.reasoning else []
        found += [{"type": "text", "text": step.told}] if step.told or not step.tools else []
        tools = enumerate(step.tools if step.then == "end" else ())
        return found + [
            {"type": "tool_use", "id": f"toolu_{n}", "name": name, "input": said} for n, (name, said) in tools
        ]

    def _block(self, number: int, block: Data) -> Iterator[Data]:
        """A block as events: its beginning, its pieces, its end."""
        kind = block["type"]
        field, delta = {"thinking": ("thinking", "thinking_delta"), "text": ("text", "text_delta")}.get(
            kind, ("partial_json", "input_json_delta")
        )
        empty = {**block, "input": {}} if kind == "tool_use" else {**block, field: ""}
        said = json.dumps(block["input"]) if kind == "tool_use" else block[field]
        yield {"type": "content_block_start", "index": number, "content_block": empty}
        for piece in self.step.pieces(said):
            yield {"type": "content_block_delta", "index": number, "delta": {"type": delta, field: piece}}
        yield {"type": "content_block_stop", "index": number}

    def _stop(self) -> str:
        return {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}[self.step.finished]

    def _tokens(self) -> Data:
        prompt, completion = self.step.usage or (0, 0)
        return {"input_tokens": prompt, "output_tokens": completion}


class Responses(Chat):
    """OpenAI's responses."""

    path, end = "/v1/responses", b""

    def whole(self) -> Data:
        return self._response("incomplete" if self.step.finished == "length" else "completed", self._items())

    def events(self) -> Iterator[Data]:
        step = self.step
        yield {"type": "response.created", "response": self._response("in_progress", [])}
        for number, item in enumerate(self._items()):
            yield {"type": "response.output_item.added", "output_index": number, "item": {**item, "content": []}}
            at = {"output_index": number, "item_id": item["id"]}
            if item["type"] == "message":
                for piece in step.pieces(step.told):
                    yield {"type": "response.output_text.delta", **at, "content_index": 0, "delta": piece}
            elif item["type"] == "function_call":
                yield {"type": "response.function_call_arguments.delta", **at, "delta": item["arguments"]}
            if step.then == "end":
                yield {"type": "response.output_item.done", "output_index": number, "item": item}
        if step.then == "error":
            yield {"type": "error", "code": step.code, "message": MIDWAY, "param": None}
        if step.then == "end":
            whole = self.whole()
            yield {"type": f"response.{whole['status']}", "response": whole}

    def framed(self, data: Data) -> bytes:
        return b"event: " + str(data["type"]).encode() + b"\n" + super().framed(data)

    def _response(self, status: str, items: list[Data]) -> Data:
        head = {"id": f"resp_{self.id}", "object": "response", "created_at": int(time.time()), "model": self.model}
        used = None
        if self.step.usage and status != "in_progress":
            prompt, completion = self.step.usage
            used = {"input_tokens": prompt, "output_tokens": completion, "total_tokens": prompt + completion}
        why = {"reason": "max_output_tokens"} if status == "incomplete" else None
        return {**head, "status": status, "output": items, "usage": used, "error": None, "incomplete_details": why}

    def _items(self) -> list[Data]:
        step = self.step
        part = {"type": "output_text", "text": step.told, "annotations": []}
        message = {"type": "message", "id": f"item_{self.id}", "role": "assistant", "status": "completed"}
        summary = [{"type": "summary_text", "text": step.reasoning}]
        found: list[Data] = [{"type": "reasoning", "id": f"rs_{self.id}", "summary": summary}] if step.reasoning else []
        found += [{**message, "content": [part]}] if step.told or not step.tools else []
        for n, (name, said) in enumerate(step.tools if step.then == "end" else ()):
            call = {"id": f"fc_{n}", "call_id": f"call_{n}", "name": name, "arguments": json.dumps(said)}
            found.append({"type": "function_call", "status": "completed", **call})
        return found


MIDWAY = "scripted error in mid-stream"
SHAPES: tuple[type[Chat], ...] = (Chat, Messages, Responses)
