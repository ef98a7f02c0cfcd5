"""Translation: messages and responses put as chat completions, and the answers of these told in either protocol.

One state machine a protocol tells streams and whole answers alike, so that these cannot differ.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from codeforge_llm_litellm.protocols.chat import Chat
from codeforge_llm_litellm.protocols.errors import said
from codeforge_llm_litellm.transcript import Transcript, number, objects, table
from codeforge_llm_litellm.trouble import Trouble

Event = dict[str, Any]


class Telling(ABC):
    """Tells one answer. ``heard`` is what the chat's events said so far, ``ended`` whether the end was told."""

    def __init__(self, model: str) -> None:
        self.model, self.heard, self.ended = model, Transcript(), False
        self._begun = False

    def feed(self, chunk: dict[str, Any]) -> Iterator[Event]:
        """The events that a chunk, or a whole chat completion, becomes."""
        Chat().read(chunk, self.heard)
        if self.heard.error:
            why, code = said(chunk)
            self.ended = True
            yield from self._trouble(Trouble(502, code, why or self.heard.error))
            return
        if not self._begun:
            self._begun = True
            yield from self._begin()
        for choice in objects(chunk.get("choices")):
            message = choice.get("delta") or choice.get("message")
            if isinstance(message, dict) and not choice.get("index"):
                yield from self._message(message)

    def _message(self, message: dict[str, Any]) -> Iterator[Event]:
        thought = message.get("reasoning_content") or message.get("reasoning")
        if isinstance(thought, str) and thought:
            yield from self._reasoning(thought)
        for block in objects(message.get("thinking_blocks")):  # how litellm hands on a proof of Anthropic's thinking
            if isinstance(proof := block.get("signature"), str) and proof:
                yield from self._signature(proof)
        for words in (message.get("content"), message.get("refusal")):
            if isinstance(words, str) and words:
                yield from self._text(words)
        for place, call in enumerate(objects(message.get("tool_calls"))):
            yield from self._tool(number(call.get("index", place)), call, table(call.get("function")))

    def end(self) -> Iterator[Event]:
        """The events that end the answer, once the chat has come to its end."""
        if not self.ended:
            self.ended = True
            yield from self._finish()

    @abstractmethod
    def whole(self) -> dict[str, Any]:
        """The answer as one body, after its end."""

    @abstractmethod
    def _begin(self) -> Iterator[Event]: ...

    @abstractmethod
    def _text(self, text: str) -> Iterator[Event]: ...

    @abstractmethod
    def _reasoning(self, text: str) -> Iterator[Event]: ...

    def _signature(self, proof: str) -> Iterator[Event]:
        return iter(())

    @abstractmethod
    def _tool(self, place: int, call: dict[str, Any], function: dict[str, Any]) -> Iterator[Event]: ...

    @abstractmethod
    def _finish(self) -> Iterator[Event]: ...

    @abstractmethod
    def _trouble(self, trouble: Trouble) -> Iterator[Event]: ...


def new_id(kind: str) -> str:
    """An identifier as providers make them, such as "msg_..."."""
    return f"{kind}_{secrets.token_hex(12)}"
