"""The queue as the database has it: read by its heads, so that ten thousand runs that wait cost no more than one.

Within a project, agent and provider only the first ready run can be next; an index leads from one such head to the
next. These statements run at every claim, so their text is fixed: building them anew would cost more than running
them.
"""

from __future__ import annotations

import json
from typing import Any

from codeforge.model import Hours
from codeforge.scheduler.facts import Caps, Place, Waiting, World
from codeforge.scheduler.order import hindrance, turn
from codeforge.scheduler.workers import workers_alive
from codeforge.store import Door
from codeforge.store import tables as t

_READY = "SELECT id FROM run WHERE state = 'queued' AND blocked = 0 AND not_before <= ?"
_FIRST = "priority DESC, id LIMIT 1"
HEADS = f"""
WITH RECURSIVE head(next, id, project_id, agent, provider, priority) AS (
  SELECT ({_READY} ORDER BY project_id, agent, provider, {_FIRST}),
    (SELECT id FROM run LIMIT 0), (SELECT project_id FROM run LIMIT 0), (SELECT agent FROM run LIMIT 0),
    (SELECT provider FROM run LIMIT 0), (SELECT priority FROM run LIMIT 0)
  UNION ALL
  SELECT COALESCE(
    ({_READY} AND project_id = last.project_id AND agent = last.agent AND provider > last.provider
      ORDER BY provider, {_FIRST}),
    ({_READY} AND project_id = last.project_id AND agent > last.agent ORDER BY agent, provider, {_FIRST}),
    ({_READY} AND project_id > last.project_id ORDER BY project_id, agent, provider, {_FIRST})
  ), last.id, last.project_id, last.agent, last.provider, last.priority FROM head JOIN run last ON last.id = head.next
)
SELECT id, project_id, agent, provider, priority FROM head WHERE id IS NOT NULL
"""  # noqa: S608 - nothing but constants
"""Each step finds the next head and tells of the last one, so that no row is looked at twice; the first tells nothing,
in the columns' own types.
"""
ACTIVE = """
SELECT project_id, agent, provider, COUNT(*) FROM run WHERE state IN ('preparing', 'working', 'checking')
GROUP BY project_id, agent, provider
"""
PLACES = "SELECT id, tenant_id, labels, max_runs, hours, served_at FROM project"
CAPS = "SELECT id, limits FROM tenant"
FIRST = """
SELECT id, rung_at FROM run WHERE state = 'queued' AND blocked = 0 AND not_before <= ?
AND project_id = ? AND agent = ? AND provider = ? ORDER BY priority DESC, id LIMIT ?
"""


def ask(door: Door, text: str, *values: object) -> list[tuple[Any, ...]]:
    """The rows of a fixed statement, which has a question mark for each value."""
    return list(door.database.execute_sql(text.replace("?", door.database.param), values))


def world(door: Door) -> World:
    """What decides at this moment what may run."""
    return World(
        now=door.now(),
        places={row[0]: _place(row) for row in ask(door, PLACES)},
        caps={tenant_id: caps_of(json.loads(limits)) for tenant_id, limits in ask(door, CAPS) if limits != "{}"},
        active={(row[0], row[1], row[2]): row[3] for row in ask(door, ACTIVE)},
    )


def heads(door: Door, now: float) -> list[Waiting]:
    """The first ready run of each project, agent and provider."""
    return [
        Waiting(id=run_id, project_id=project_id, agent=agent, provider=provider, priority=priority)
        for run_id, project_id, agent, provider, priority in ask(door, HEADS, now, now, now, now)
    ]


def unrung(door: Door, ring_again: float, limit: int = 200) -> list[str]:
    """Ids of runs that could start now and that no worker was told of lately, marked as told; at most ``limit``.

    The first of every project, agent and provider come in: whoever hears of any takes the first in the queue.
    """
    waiting = heads(door, door.now())
    if not waiting:
        return []
    facts, workers = world(door), workers_alive(door)
    able = [head for head in waiting if hindrance(head, facts, workers) is None]
    able = sorted(able, key=lambda head: turn(head, facts))[:limit]
    each = max(1, limit // max(1, len(able)))
    first = (row for head in able for row in ask(door, FIRST, facts.now, *head.group, each))
    ids = [  # a time to come is from before the clock was set back
        run_id for run_id, rung_at in first if not facts.now - ring_again <= rung_at <= facts.now
    ]
    if ids:
        door.update(t.Run, t.Run.id.in_(ids), rung_at=facts.now)
    return ids


def caps_of(limits: dict[str, Any]) -> Caps:
    """A tenant's limits as the table has them."""
    return Caps(runs=limits.get("runs"), agents=limits.get("agents") or {}, providers=limits.get("providers") or {})


def _place(row: tuple[Any, ...]) -> Place:
    project_id, tenant_id, labels, max_runs, hours, served_at = row
    kept = json.loads(hours) if hours else None
    return Place(
        id=project_id,
        tenant_id=tenant_id,
        labels=frozenset(json.loads(labels)) if labels != "[]" else frozenset(),
        max_runs=max_runs,
        hours=Hours(**{**kept, "days": tuple(kept["days"])}) if kept else None,
        served_at=served_at,
    )
