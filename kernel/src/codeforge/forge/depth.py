"""How much waits and works now: counted when somebody asks, by queries that indexes answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from codeforge.model import ENDED, RunState
from codeforge.store import Door, fn
from codeforge.store import tables as t

LIVE = frozenset(RunState) - ENDED


@dataclass(frozen=True, kw_only=True, slots=True)
class Depth:
    """Runs that have not ended by state, waiting ones by reason, workers by state, seconds that the oldest waits."""

    states: Mapping[str, int]
    waiting: Mapping[str, int]
    workers: Mapping[str, int]
    oldest: float


def depth(door: Door, lease: float, waiting: Callable[[Door], Mapping[str, int]]) -> Depth:
    """The figures of this moment. A worker that gave no word for a lease is gone."""
    counted = door.query(t.Run, t.Run.state.in_(sorted(LIVE))).select(t.Run.state, fn.COUNT(t.Run.id).alias("n"))
    states = {state.value: 0 for state in sorted(LIVE)}
    states |= {row["state"]: row["n"] for row in door.rows(counted.group_by(t.Run.state))}
    [first] = door.rows(door.query(t.Run, t.Run.state == RunState.QUEUED).select(fn.MIN(t.Run.id).alias("id")))
    row = door.one(t.Run, t.Run.id == first["id"]) if first["id"] else None
    workers = {"alive": 0, "draining": 0, "gone": 0}
    for worker in door.all(t.Worker, t.Worker.revoked_at.is_null()):
        alive = (worker["seen_at"] or 0) > door.now() - lease
        workers["gone" if not alive else "draining" if worker["draining"] else "alive"] += 1
    return Depth(
        states=states,
        waiting=waiting(door),
        workers=workers,
        oldest=max(0.0, door.now() - row["created_at"]) if row else 0.0,
    )
