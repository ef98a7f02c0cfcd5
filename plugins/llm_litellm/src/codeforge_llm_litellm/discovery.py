"""Asks a provider for its models, in the shape that its kind answers in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codeforge_llm_litellm.prices import Facts, known, of_listing, of_settings
from codeforge_llm_litellm.providers import Source

if TYPE_CHECKING:
    from aiohttp import ClientSession

PATIENCE = 2.0
"""Seconds that a provider has to list its models."""
LARGEST, LONGEST = 8 * 2**20, 200
"""Bytes that the list may have, and characters that a model's name may."""
# what a list of models holds besides models to chat with
_OTHER = re.compile(r"embed|whisper|tts|dall-e|image|audio|realtime|moderation|transcribe|rerank|sora|davinci|babbage")


class Refused(ValueError):
    """The provider answered with an HTTP ``status`` that is no 200."""

    def __init__(self, status: int) -> None:
        super().__init__(f"answered {status} to the question for its models")
        self.status = status


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """One model of a provider, by the provider's own name of it."""

    name: str
    facts: Facts


async def ask(session: ClientSession, source: Source) -> list[Found]:
    """The provider's models to chat with, newest first where it tells. Raises as aiohttp, `ValueError`, `TypeError`."""
    if source.chosen:
        return [described(source, name, {}) for name in source.chosen]
    if not source.way.listing:
        return []
    path, headers = _request(source)
    async with session.get(f"{source.base}{path}", headers=headers, allow_redirects=False) as response:
        if response.status != 200:
            raise Refused(response.status)
        data = bytearray()
        async for block in response.content.iter_any():
            data += block
            if len(data) > LARGEST:
                raise ValueError(f"answered more than {LARGEST // 2**20} MB to the question for its models")
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("answered no JSON to the question for its models") from None
    entries = answer.get("data") or answer.get("models") or [] if isinstance(answer, dict) else None
    if not isinstance(entries, list):
        raise TypeError("answered no list to the question for its models")
    found = [described(source, name, entry) for entry in _newest_first(entries) if _fits(name := _name(entry))]
    return [model for model in found if _chats(model)]


def _request(source: Source) -> tuple[str, dict[str, str]]:
    match source.way.listing:
        case "ollama":
            return "/api/tags", {}
        case "anthropic":
            return "/v1/models?limit=1000", {"x-api-key": source.secret, "anthropic-version": "2023-06-01"}
        case "gemini":
            return "/v1beta/models?pageSize=1000", {"x-goog-api-key": source.secret}
    return "/models", authorization(source)


def authorization(source: Source) -> dict[str, str]:
    """The head that carries the key of a provider that speaks OpenAI."""
    return {"Authorization": f"Bearer {source.secret}"} if source.secret else {}


def _newest_first(entries: Iterable[Any]) -> list[dict[str, Any]]:
    rows = [entry for entry in entries if isinstance(entry, dict)]
    return sorted(
        rows, key=lambda entry: entry["created"] if isinstance(entry.get("created"), int) else 0, reverse=True
    )


def _name(entry: dict[str, Any]) -> str:
    return str(entry.get("id") or entry.get("model") or entry.get("name") or "").removeprefix("models/")


def _fits(name: str) -> bool:
    return name.isprintable() and 0 < len(name) <= LONGEST


def _chats(model: Found) -> bool:
    return model.facts.mode == "chat" if model.facts.mode else not _OTHER.search(model.name)


def described(source: Source, name: str, entry: dict[str, Any]) -> Found:
    """A model with what its provider says of it in ``entry``, completed from the settings and the map of prices."""
    facts = known(source.way.prices, name)
    own = source.table("prices").get(name)
    listed = entry.get("pricing")
    try:
        prices = of_settings(own) if own else of_listing(listed) if isinstance(listed, dict) else facts.prices
    except (ArithmeticError, TypeError):  # no price that can be read is none that is known
        prices = ()
    windows = (entry.get(name) for name in ("context_length", "max_model_len", "inputTokenLimit"))
    window = next((size for size in windows if _is_size(size)), facts.window)
    longest = entry["outputTokenLimit"] if _is_size(entry.get("outputTokenLimit")) else facts.max_output
    return Found(name=name, facts=Facts(window=window, max_output=longest, prices=prices, mode=facts.mode))


def _is_size(value: object) -> bool:
    return isinstance(value, int) and 0 < value < 10**9
