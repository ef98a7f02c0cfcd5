"""Reads cassettes: each file holds {"fixtures": [{"match": ..., "response": ..., "codeforge": ...}]}.

``match`` and ``response`` are the format of the fake provider aimock, which reads the same files; ``codeforge``
is ours: the request as it was, its hash, the model that answered and what it cost.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from codeforge_llm_litellm.cassettes import render

MATCHES = (
    "userMessage",
    "systemMessage",
    "turnIndex",
    "hasToolResult",
    "sequenceIndex",
    "toolCallId",
    "toolResultContains",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Fixture:
    """One exchange. ``latency`` is milliseconds between pieces of ``chunk_size`` characters, when it is streamed."""

    file: str
    match: dict[str, Any]
    response: dict[str, Any]
    latency: float = 0.0
    chunk_size: int = 20
    ours: dict[str, Any] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        return str(self.ours.get("request_sha256") or "")

    @property
    def cost(self) -> int:
        """What the answer once cost, in micro-dollars."""
        return int(self.ours.get("cost_micro") or 0)


def load(folder: Path) -> list[Fixture]:
    """The cassette's exchanges in the order of their files. Raises `ValueError` with the file at fault."""
    files = sorted(folder.glob("*.json"))
    return [fixture for file in files for fixture in _read(file, file.stat().st_mtime_ns)]


@lru_cache(maxsize=1024)
def _read(file: Path, _changed: int) -> list[Fixture]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))["fixtures"]
        return [_fixture(file.name, entry) for entry in found]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"{file.name} is no file of a cassette ({type(error).__name__}: {error})") from error


def _fixture(file: str, entry: dict[str, Any]) -> Fixture:
    match, response = entry.get("match") or {}, entry["response"]
    if not isinstance(match, dict) or not isinstance(response, dict):
        raise TypeError("match and response must be objects")
    if unknown := set(match) - {*MATCHES, "model"}:
        raise ValueError(f"match has {', '.join(sorted(unknown))}, but knows {', '.join(MATCHES)}")
    fixture = Fixture(
        file=file,
        match={name: value for name, value in match.items() if name in MATCHES},
        response=response,
        latency=float(entry.get("latency") or 0),
        chunk_size=max(1, int(entry.get("chunkSize") or 20)),
        ours=entry.get("codeforge") or {},
    )
    # what cannot be played is better told now than in the middle of a run
    render.error(fixture), render.whole(fixture, ""), list(render.pieces(fixture, "")), fixture.sha256, fixture.cost
    return fixture
