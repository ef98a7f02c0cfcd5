"""What a model answered, put together from a whole body or from a stream's events, with the use that it reported."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from codeforge_llm_litellm.counting import estimate, tokens

MOST = 10**9
"""No call has as many tokens: a larger number is nonsense, and no database could add it up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Used:
    """Tokens of one call. ``cached`` and ``written`` (to the provider's cache) are part of ``prompt``, and
    ``reasoning`` of ``completion``.
    """

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    written: int = 0
    reasoning: int = 0


class Transcript:
    """Filled by a protocol's `read`, in the same words for all of them: ``finish`` is OpenAI's, such as "stop".

    ``used`` stays None as long as the provider reported nothing. ``begun`` is what it said of the prompt before
    it answered, which holds even when the rest never comes.
    """

    def __init__(self) -> None:
        self.content: list[str] = []
        self.reasoning: list[str] = []
        self.tools: dict[int, dict[str, str]] = {}
        self.finish: str | None = None
        self.used: Used | None = None
        self.begun: Used | None = None
        self.error = ""

    def tool(self, number: int) -> dict[str, str]:
        """The answer's tool call of this number, to be filled in: ``id``, ``name``, ``arguments``."""
        return self.tools.setdefault(number, {"id": "", "name": "", "arguments": ""})

    def failed(self, error: object) -> None:
        """Take down what went wrong, as a sentence or as an object with a message."""
        self.error = str(error.get("message") or error) if isinstance(error, dict) else str(error)

    def counted(self, request: dict[str, Any]) -> Used:
        """Our own estimate, for calls whose use nobody reported."""
        told = "".join([*self.content, *self.reasoning, *(t["name"] + t["arguments"] for t in self.tools.values())])
        completion = estimate(told)
        if self.begun:
            return replace(self.begun, completion=max(completion, self.begun.completion))
        return Used(prompt=tokens(request), completion=completion)


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list; none where it is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def table(value: object) -> dict[str, Any]:
    """An object, or an empty one where it is none."""
    return value if isinstance(value, dict) else {}


def number(value: object) -> int:
    """A count of tokens or a place in a list; 0 where it is none that can be believed."""
    return int(value) if isinstance(value, int | float) and 0 < value < MOST else 0
