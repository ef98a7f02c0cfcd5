"""What a run will probably take: from finished runs of the same project, agent and model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from codeforge.forge import calls
from codeforge.forge.budgets import dollars
from codeforge.model import RunState, Usage
from codeforge.store import Door
from codeforge.store import tables as t

LEAST = 3
"""With fewer runs nothing is said."""
MOST = 200
"""Runs that are looked at, the newest: what was long ago says little."""
DONE = (RunState.REVIEW, RunState.ACCEPTED, RunState.SENT_BACK, RunState.REJECTED)
"""Runs in these states came to their end; one that was stopped or failed says little about the next."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """What like runs took: ``least``, ``typical`` (the median) and ``most``."""

    least: float
    typical: float
    most: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """What a run of ``agent`` with ``model`` will probably take, by so many runs (``based_on``); None: not known.

    ``cost_micro`` is in micro-dollars, ``seconds`` are of the agent's work.
    """

    agent: str
    model: str
    based_on: int
    tokens: Range | None = None
    cost_micro: Range | None = None
    seconds: Range | None = None
    text: str


def of(door: Door, project_id: str, agent: str, model: str) -> Forecast:
    """The forecast for one more run."""
    mine = t.Run.project_id == project_id, t.Run.agent == agent, t.Run.model == model, t.Run.state.in_(list(DONE))
    real = t.Run.replays.is_null()  # a replay costs nothing and waits for nobody
    rows = door.rows(door.query(t.Run, *mine, real).order_by(t.Run.id.desc()).limit(MOST))
    like = [(row, usage) for row in rows if (usage := calls.usage_of(door, t.Call.run_id == row["id"])).calls]
    facts: dict[str, Any] = {"agent": agent, "model": model, "based_on": len(like)}
    if len(like) < LEAST:
        runs = "1 finished run" if len(like) == 1 else f"{len(like)} finished runs"
        return Forecast(**facts, text=f"There is not enough history to tell: {runs} of {agent} with {model} here.")
    tokens = _range([usage.prompt_tokens + usage.completion_tokens for _, usage in like])
    seconds = _range([row["worked"] for row, _ in like])
    cost = _cost([usage for _, usage in like])
    money = "an unknown sum (unpriced)"
    if cost:
        money = f"{dollars(round(cost.typical))} ({dollars(round(cost.least))} to {dollars(round(cost.most))})"
    text = (
        f"Probably {tokens.typical:,.0f} tokens ({tokens.least:,.0f} to {tokens.most:,.0f}), {money} and "
        f"{seconds.typical:.0f} s of work ({seconds.least:.0f} to {seconds.most:.0f}), by {len(like)} runs like it."
    )
    return Forecast(**facts, tokens=tokens, cost_micro=cost, seconds=seconds, text=text)


def _range(values: Sequence[float]) -> Range:
    return Range(least=min(values), typical=median(values), most=max(values))


def _cost(used: list[Usage]) -> Range | None:
    known = [usage.cost_micro for usage in used if usage.cost_micro is not None]
    return _range(known) if len(known) == len(used) else None
