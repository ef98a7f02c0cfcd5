"""Claims with a generation and a lease, renewals, and when a lost run is taken up again."""

from __future__ import annotations

from typing import Any

from codeforge import moving
from codeforge.errors import Fenced, NotFound
from codeforge.model import HELD, RunState
from codeforge.scheduler.facts import WorkerFacts
from codeforge.scheduler.heads import heads, world
from codeforge.scheduler.order import pick
from codeforge.store import Door
from codeforge.store import tables as t

Row = dict[str, Any]


def claim(door: Door, worker: WorkerFacts, lease: float) -> Row | None:
    """Give the run whose turn it is to ``worker``: generation + 1 and a lease. None when it may have none."""
    waiting = [] if worker.draining else heads(door, door.now())
    if not waiting:
        return None
    facts = world(door)
    chosen = pick(waiting, facts, worker)
    if chosen is None:
        return None
    row = door.one(t.Run, t.Run.id == chosen.id)
    assert row
    moving.move(
        door,
        row,
        RunState.PREPARING,
        generation=row["generation"] + 1,
        worker=worker.id,
        lease_until=facts.now + lease,
        reported=0,
        want=None,
        detail="",
        started_at=row["started_at"] or facts.now,
    )
    latest = max(facts.places[head.project_id].served_at for head in waiting)
    served = max(facts.now, latest + 1e-6)  # later than all others, whatever the clock did meanwhile
    door.update(t.Project, t.Project.id == chosen.project_id, served_at=served)
    return held(door, chosen.id, row["generation"] + 1)


def held(door: Door, run_id: str, generation: int, *, reported: int | None = None) -> Row:
    """The run, if this generation still holds it, or has given its report number ``reported`` before.

    Raises `Fenced`, and `NotFound` when there is no such run any more.
    """
    row = door.one(t.Run, t.Run.id == run_id)
    if row is None:
        raise NotFound(f"There is no run {run_id}.")
    again = reported is not None and row["reported"] >= reported
    if row["generation"] != generation or not (row["state"] in HELD or again):
        raise Fenced(f"Run {run_id} is not held by generation {generation} any more.")
    return row


def renew(door: Door, run_id: str, generation: int, lease: float) -> Row:
    """Extend the lease; gives the run with what people want of it. Raises `Fenced`."""
    row = held(door, run_id, generation)
    door.update(t.Run, t.Run.id == run_id, lease_until=door.now() + lease)
    return row


def back_off(losses: int) -> float:
    """Seconds before a lost run is taken up again: 0, 5, 10, 20, ... at most 300."""
    return min(300.0, 5.0 * 2 ** (losses - 2)) if losses > 1 else 0.0
