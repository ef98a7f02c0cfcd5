"""Reads cassettes: each file holds {"fixtures": [{"match": ..., "response": ..., "codeforge": ...}]}.

``match`` and ``response`` are the format of the fake provider aimock, which reads the same files; ``codeforge``
is ours: the request as it was, the model that answered and what it cost. An ``exact`` exchange answers no other
request.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from codeforge_llm_litellm.cassettes import normal, render

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
    """One exchange. ``latency`` is milliseconds between pieces of ``chunk_size`` characters, when it is streamed.

    ``asked`` is the recorded request, normalised; empty where none was recorded.
    """

    file: str
    match: dict[str, Any]
    response: dict[str, Any]
    latency: float = 0.0
    chunk_size: int = 20
    asked: dict[str, Any] = field(default_factory=dict)
    sha256: str = ""
    exact: bool = False
    cost: int = 0
    """What the answer once cost, in micro-dollars."""


def load(folder: Path) -> list[Fixture]:
    """The cassette's exchanges in the order of their files. Raises `ValueError` with the file at fault."""
    files = sorted(folder.glob("*.json"))
    return _load(tuple((file, file.stat().st_mtime_ns) for file in files))


@lru_cache(maxsize=8)
def _load(files: tuple[tuple[Path, int], ...]) -> list[Fixture]:
    return [fixture for file, _ in files for fixture in _read(file)]


def _read(file: Path) -> list[Fixture]:
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
    ours = entry.get("codeforge") or {}
    asked = normal.request(ours.get("request") or {})
    fixture = Fixture(
        file=file,
        match={name: value for name, value in match.items() if name in MATCHES},
        response=response,
        latency=float(entry.get("latency") or 0),
        chunk_size=max(1, int(entry.get("chunkSize") or 20)),
        asked=asked,
        sha256=normal.digest(asked) if asked else str(ours.get("request_sha256") or ""),
        exact=bool(ours.get("exact")),
        cost=int(ours.get("cost_micro") or 0),
    )
    # what cannot be played is better told now than in the middle of a run
    render.error(fixture), render.whole(fixture, ""), list(render.pieces(fixture, ""))
    return fixture
