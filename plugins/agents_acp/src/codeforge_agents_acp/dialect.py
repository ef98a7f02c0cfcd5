"""How a scripted model makes opencode do things, with the tools that opencode offers it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence

from codeforge.testing import Seen, Step
from codeforge.testing.contract import Dialect

DONE = Step(text="All is done.")


class OpencodeDialect(Dialect):
    """Ends well by words alone."""

    patience = 3.0

    def change(self, files: Mapping[str, str | None], before: Mapping[str, str] | None = None) -> Sequence[Step]:
        return [*(_write(path, text) if text is not None else _delete(path) for path, text in files.items()), DONE]

    def cut_short(self, step: Step) -> Step:
        """In the middle of a tool's arguments: opencode uses a tool as soon as it knows them."""
        [(tool, arguments)] = step.tools
        function = {"name": tool, "arguments": json.dumps(arguments)[:-10]}
        delta = {"role": "assistant", "tool_calls": [{"index": 0, "id": "1", "type": "function", "function": function}]}
        choices = ({"delta": delta, "finish_reason": None}, {"delta": {}, "finish_reason": "length"})
        told = [json.dumps({"object": "chat.completion.chunk", "choices": [{"index": 0, **one}]}) for one in choices]
        return Step(raw="".join(f"data: {one}\n\n" for one in (*told, "[DONE]")))

    def shell(self, command: str) -> Sequence[Step]:
        return [_run(command), DONE]

    def malformed(self) -> Sequence[Step]:
        return [Step(raw="data: {no JSON\n\n")]

    def on_and_on(self) -> Sequence[Step]:
        return [_run(f"echo {n} >> on.txt") for n in range(50)]

    def aside(self, seen: Seen) -> Step | None:
        """It also asks for a summary of a conversation that has become too long."""
        return None if seen.body.get("tools") else Step(text="A summary", usage=(0, 0))


def _write(path: str, text: str) -> Step:
    return Step(text=f"I write {path}.", tools=[("write", {"filePath": path, "content": text})])


def _delete(path: str) -> Step:
    return _run(f"rm -- {shlex.quote(path)}")


def _run(command: str) -> Step:
    return Step(tools=[("bash", {"command": command, "description": "Runs a command"})])
