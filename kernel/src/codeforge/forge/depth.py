"""How much waits and works now: counted when somebody asks, by queries that indexes answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from codeforge import scheduler
from codeforge.model import LIVE, RunState
from codeforge.scheduler import Waiting, Why
from codeforge.scheduler.heads import ask, world
from codeforge.store import Door, fn
from codeforge.store import tables as t

ALIKE = """
SELECT project_id, agent, provider, CASE WHEN blocked > 0 THEN 1 ELSE 0 END AS held,
  CASE WHEN not_before > ? THEN 1 ELSE 0 END AS later,
  CASE WHEN losses + retries > 0 THEN 1 ELSE 0 END AS again, COUNT(*)
FROM run WHERE state = 'queued' GROUP BY project_id, agent, provider, held, later, again
"""
"""Queued runs that wait for the same thing, counted together."""


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


def _waiting(door: Door) -> dict[str, int]:
    """Queued runs by why they wait, without looking at each."""
    facts, workers = world(door), scheduler.workers_alive(door)
    found: Counter[str] = Counter(dict.fromkeys(Why, 0))
    for project_id, agent, provider, held, later, again, number in ask(door, ALIKE, facts.now):
        if project_id in facts.places:
            run = Waiting(
                id="",
                project_id=project_id,
                agent=agent,
                provider=provider,
                blocked=held,
                not_before=facts.now + 1 if later else 0.0,
                faults=again,
            )
            hindrance = scheduler.hindrance(run, facts, workers)
            found[hindrance.why if hindrance else Why.FREE_WORKER] += number
    return dict(found)
