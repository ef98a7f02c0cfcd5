"""What a scripted model answers, and the answers that belong to well-known model names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One answer. Without ``status`` 200 it is an error with ``text`` as its message and ``code`` as its code.

    ``tools`` are calls of (name, arguments). ``usage`` is (prompt, completion) tokens; None leaves it out.
    Streamed, the text comes ``size`` characters at a time with ``pause`` seconds between. After the share
    ``until`` of the text the server does ``then``: "hang" says no more, "cut" closes the connection, "error"
    streams an error with ``code``. With ``until`` 0 not even the status line is sent. With ``bytes``, "hang" and
    "cut" come after so many bytes of the body instead. ``raw`` is sent as the body in place of an answer.
    """

    text: str = ""
    status: int = 200
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    reasoning: str = ""
    tools: Sequence[tuple[str, Mapping[str, Any]]] = ()
    finish: str = "stop"
    usage: tuple[int, int] | None = (1111, 222)
    size: int = 24
    pause: float = 0.0
    until: float = 1.0
    then: Literal["end", "hang", "cut", "error"] = "end"
    bytes: int | None = None
    raw: str = ""

    @property
    def told(self) -> str:
        """The text as far as it is said."""
        return self.text[: int(len(self.text) * self.until)]

    @property
    def finished(self) -> str:
        """Why the answer ends, in OpenAI's words."""
        return "tool_calls" if self.tools and self.finish == "stop" else self.finish

    def pieces(self, text: str) -> Iterator[str]:
        """The text as it is streamed."""
        return (text[start : start + self.size] for start in range(0, len(text), self.size))


def search_replace(path: str, before: str, after: str) -> str:
    """An edit as Aider's "diff" format wants it; an empty ``before`` makes a new file. Both end with a newline."""
    return f"{path}\n```\n<<<<<<< SEARCH\n{before}=======\n{after}>>>>>>> REPLACE\n```\n"


TALK = Step(text="I have some thoughts on this, but nothing to change.")
NAMED: dict[str, list[Step]] = {
    "talk": [TALK],
    "empty": [Step()],
    "slow": [Step(text="Still thinking about it.\n" * 2000, pause=0.05)],
    "hang": [Step(then="hang", until=0)],
    "hang-midway": [Step(text=TALK.text, then="hang", until=0.5)],
    "cut": [Step(text=TALK.text, then="cut", until=0.5)],
    "length": [Step(text="This answer is too long to", finish="length")],
    "context": [Step(status=400, code="context_length_exceeded", text="This model's maximum context length is 100.")],
}


def steps_for(name: str) -> list[Step] | None:
    """The answers of a model that nobody scripted: by name, or "fail-429" for ever, or "fail-429x2" and then talk."""
    if failing := re.fullmatch(r"fail-(\d{3})(?:x(\d+))?", name):
        error = Step(status=int(failing[1]), text=f"scripted {failing[1]}")
        return [error] * int(failing[2]) + [TALK] if failing[2] else [error]
    return NAMED.get(name)
