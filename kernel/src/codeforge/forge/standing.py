"""How a run stands, inside one transaction: its row, what it goes on from, and every way to change its state."""

from __future__ import annotations

from typing import Any

from codeforge import moving
from codeforge.errors import NotFound
from codeforge.events import AgentEvent, Kind
from codeforge.forge import calls, history, keys, rows
from codeforge.model import HELD, LIVE, Change, Reason, Run, RunState
from codeforge.store import Door
from codeforge.store import tables as t

MEMORY, KEPT_MEMORY = "memory", "kept memory"
"""Artifacts: what the agent remembered last, and what it remembered of the work that the next claim goes on from."""
UNHELD = LIVE - HELD
"""Nobody works on a run in these states, and it is not over."""
Work = tuple[Change | None, bytes | None]
"""A change and the agent's memory of it."""


def row_of(door: Door, run_id: str) -> dict[str, Any]:
    """The tenant's run as a row. Raises `NotFound`."""
    if row := door.one(t.Run, t.Run.id == run_id):
        return row
    raise NotFound(f"There is no run {run_id}.")


def find(door: Door, run_id: str) -> Run:
    """The tenant's run with its use of models. Raises `NotFound`."""
    return rows.run(row_of(door, run_id), calls.usage_of(door, t.Call.run_id == run_id))


def left(door: Door, run: Run) -> Work:
    """What runs before left for this one: the newest change and agent's memory among those that it follows."""
    change, memory = None, None
    while run.follows and not (change and memory):
        run = find(door, run.follows)
        change = change or run.change
        memory = memory or _artifact(door, run.id, MEMORY) or _artifact(door, run.id, KEPT_MEMORY)
    return change, memory


def own(door: Door, row: dict[str, Any]) -> Work | None:
    """What a run that was put by goes on from: its own work so far, even where that is none yet; else None."""
    if row["kept"] is None:
        return None
    return change_of(row["kept"]), _artifact(door, row["id"], KEPT_MEMORY)


def put_by(door: Door, row: dict[str, Any], generation: int, base: str | None, change: dict[str, Any] | None) -> None:
    """Have the next claim go on from ``change`` (None: from ``base``, with the agent's memory alone)."""
    if change is None and base is None:
        return
    nothing = {"base": base, "head": base, "files": 0, "added": 0, "deleted": 0}
    door.update(t.Run, t.Run.id == row["id"], kept={**(change or nothing), "generation": generation})
    if door.one(t.Artifact, t.Artifact.run_id == row["id"], t.Artifact.name == MEMORY):
        door.delete(t.Artifact, t.Artifact.run_id == row["id"], t.Artifact.name == KEPT_MEMORY)
        door.update(t.Artifact, t.Artifact.run_id == row["id"], t.Artifact.name == MEMORY, name=KEPT_MEMORY)


def change_of(kept: dict[str, Any]) -> Change:
    """The change in a ``kept`` column."""
    return Change(**{name: value for name, value in kept.items() if name != "generation"})


def move(door: Door, row: dict[str, Any], state: RunState, **values: Any) -> None:
    """Put a run into a state that is no end and say so in its history, inside the caller's transaction.

    Where no worker holds it then, its lease and its key end, and the workers are to be told of it anew.
    """
    if state in (RunState.QUEUED, RunState.PAUSED, RunState.WAITING):
        values = {"lease_until": None, "worker": None, "want": None, "rung_at": 0, **values}
        if state != RunState.WAITING:
            values["waiting_for"] = None
        keys.revoke(door, row["id"])
    moving.move(door, row, state, **values)
    history.append(door, row, [AgentEvent(Kind.STATE, {"state": state, "detail": values.get("detail", "")})])


def end(door: Door, row: dict[str, Any], state: RunState, **values: Any) -> None:
    """Put a run into an end state and say so in its history, inside the caller's transaction."""
    values = {"lease_until": None, "want": None, "waiting_for": None, "reason": None, "detail": "", **values}
    values.setdefault("ended_at", door.now())
    moving.move(door, row, state, **values)
    shown = {"state": state, "reason": values.get("reason"), "detail": values.get("detail", "")}
    history.append(door, row, [AgentEvent(Kind.STATE, shown)])
    keys.revoke(door, row["id"])


def halt(door: Door, row: dict[str, Any], why: str) -> None:
    """Stop a run inside the caller's transaction: at once where nobody works on it, else by its worker."""
    if row["state"] in HELD and row["want"] != "stop":
        door.update(t.Run, t.Run.id == row["id"], want="stop")
        note(door, row, why)
    elif row["state"] in UNHELD:
        kept = "what it had done is kept" if row["change"] else "it had changed nothing yet"
        end(door, row, RunState.STOPPED, detail=f"Stopped ({why}); {kept}.")
    keys.revoke(door, row["id"])


def note(door: Door, row: dict[str, Any], text: str) -> None:
    """Add a line to a run's history, inside the caller's transaction."""
    history.append(door, row, [AgentEvent(Kind.PROGRESS, {"text": text})])


def acceptable(run: Run) -> bool:
    """Whether a person may accept the run's change: one in review, one whose check failed, or an earlier run's
    change to which this one added nothing.
    """
    judged = run.state == RunState.FAILED and run.reason in (Reason.CHECK_FAILED, Reason.NOTHING_CHANGED)
    return run.change is not None and (run.state == RunState.REVIEW or judged)


def _artifact(door: Door, run_id: str, name: str) -> bytes | None:
    found = door.one(t.Artifact, t.Artifact.run_id == run_id, t.Artifact.name == name)
    return bytes(found["data"]) if found else None
