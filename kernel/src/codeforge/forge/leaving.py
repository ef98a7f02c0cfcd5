"""Where a run goes that its worker leaves: as the worker says, tried again, or as people and budgets want it."""

from __future__ import annotations

from typing import Any

from codeforge import scheduler
from codeforge.forge import standing
from codeforge.model import RunState
from codeforge.states import heeded
from codeforge.store import Door

Facts = dict[str, Any]


def again(row: dict[str, Any], facts: Facts, most: int, now: float) -> Facts | None:
    """What a run becomes whose fault may pass by itself: queued again, as it began. None: it has failed."""
    tried, begun = row["retries"], row["state"] != RunState.PREPARING
    if (wait := scheduler.again(facts.get("reason"), tried, most, begun=begun)) is None:
        return None
    detail = f"{facts.get('detail', '')} CodeForge tries again in {wait:.0f} s ({tried + 1} of {most}).".strip()
    fresh = {"change": row["change"], "check": None, "reason": None, "detail": detail}
    kept = {name: value for name, value in facts.items() if name != "worked"}
    return {**kept, **fresh, "retries": tried + 1, "not_before": now + wait}


def heed(door: Door, row: dict[str, Any], state: RunState, facts: Facts) -> tuple[RunState, Facts]:
    """Where the run goes and with what facts, given what is wanted of it; what it goes on from is put by."""
    want = row["want"]
    now = heeded(state, want)
    if now in standing.UNHELD:
        change = facts.pop("change", None)
        if row["state"] != RunState.PREPARING and ("worked" in facts or (change and now == RunState.WAITING)):
            facts["change"] = change
            standing.put_by(door, row, row["generation"], row["base"], change)
    if now == RunState.CHECKING and want in ("pause", "wait"):
        facts |= {"want": None, "waiting_for": None}
        how = "paused" if want == "pause" else "put by"
        standing.note(door, row, f"The agent was done before it could be {how}.")
    if now == RunState.WAITING and row["waiting_for"]:
        return now, {**facts, "reason": None, "detail": row["waiting_for"]["detail"]}
    if now == state:
        return now, facts
    told = {RunState.STOPPED: "Stopped; what it had done is kept.", RunState.QUEUED: "Resumed."}
    return now, {**facts, "reason": None, "detail": told.get(now, "Paused.")}
