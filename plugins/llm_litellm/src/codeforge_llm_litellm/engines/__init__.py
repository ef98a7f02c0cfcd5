"""Engines: what answers a call, behind one small interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from codeforge_llm_litellm.call import Call


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An answer that has begun. ``blocks`` are its bytes as they come, cut anywhere.

    ``replayed`` says that no model was called; ``cost_micro`` is then what the cassette says that it costs.
    """

    status: int
    blocks: AsyncIterator[bytes]
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    replayed: bool = False
    cost_micro: int = 0

    @property
    def streamed(self) -> bool:
        return self.status < 400 and self.content_type == "text/event-stream"


class Engine(ABC):
    """Answers calls in the protocol that they are asked in: every engine OpenAI's chat completions, some more."""

    @abstractmethod
    def answer(self, call: Call) -> AbstractAsyncContextManager[Answer]:
        """Entered when the answer begins; leaving it early ends the call at the provider. Raises `Trouble`."""

    async def close(self) -> None:
        """Give back what is held."""
