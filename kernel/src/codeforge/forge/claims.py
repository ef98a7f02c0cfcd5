"""What agents say themselves that their model calls used: added up beside the gateway's count, never instead of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from codeforge.events import AgentEvent, Kind
from codeforge.model import Claim, Usage

_TOKENS = ("prompt_tokens", "completion_tokens", "cached_tokens")
MOST = 10**15
TOLERANCE = 0.02
"""The share by which two figures may differ that mean the same: agents round."""


def added(claimed: dict[str, Any] | None, events: Iterable[AgentEvent]) -> dict[str, Any] | None:
    """A run's claims with those of new ``events``; None when there are no new ones."""
    said = [event.data for event in events if event.kind == Kind.USAGE]
    if not said:
        return None
    total = dict(claimed or {"calls": 0, **dict.fromkeys(_TOKENS, 0), "cost_micro": 0})
    for one in said:
        total["calls"] += 1
        for name in _TOKENS:
            total[name] += _number(one.get(name)) or 0
        micro = _number(one.get("cost_micro"))
        total["cost_micro"] = None if None in (micro, total["cost_micro"]) else total["cost_micro"] + micro
    return total


def disagreement(usage: Usage, claim: Claim | None) -> str:
    """Where an agent's claim is another than the gateway's count, in words; empty where they agree."""
    if claim is None:
        return ""
    told = []
    ours, theirs = usage.prompt_tokens + usage.completion_tokens, claim.prompt_tokens + claim.completion_tokens
    if _differ(ours, theirs):
        told.append(f"The agent says {theirs:,} tokens, the gateway counted {ours:,}.")
    if usage.cost_micro is not None and claim.cost_micro is not None and _differ(usage.cost_micro, claim.cost_micro):
        figures = f"${claim.cost_micro / 1e6:.6f}, the gateway counted ${usage.cost_micro / 1e6:.6f}"
        told.append(f"The agent says {figures}.")
    return " ".join(told)


def _differ(ours: int, theirs: int) -> bool:
    return abs(ours - theirs) > TOLERANCE * max(ours, theirs)


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and 0 <= value < MOST else None
