"""A streamed answer in the shape in which litellm would give it, as far as Aider looks."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from codeforge_agent.gateway import Gateway


class Answer:
    """Chunks of text; ``usage`` is there at the end."""

    def __init__(self, gateway: Gateway, model: str, messages: list[dict[str, Any]]) -> None:
        self._gateway, self._deltas = gateway, gateway.chat(model, messages)
        gateway.open = True  # from now on, not from the first chunk on

    @property
    def usage(self) -> SimpleNamespace | None:
        if not self._gateway.usage:
            return None
        prompt, completion = self._gateway.usage
        return SimpleNamespace(prompt_tokens=prompt, completion_tokens=completion)

    def __iter__(self) -> Iterator[SimpleNamespace]:
        for delta in self._deltas:
            if content := delta.get("content"):
                yield _chunk(str(content), None)
        yield _chunk("", self._gateway.finish)


def _chunk(content: str, finish: str | None) -> SimpleNamespace:
    return SimpleNamespace(choices=[SimpleNamespace(delta=SimpleNamespace(content=content), finish_reason=finish)])
