"""The queue as people see it: what waits, in the order in which it would be taken, and why each waits.

Behind it stand the runs that were put by until there is a budget or a quota for them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from codeforge import scheduler
from codeforge.forge import needs, rows
from codeforge.model import Principal, RunState
from codeforge.scheduler import Hindrance, Waiting, Why
from codeforge.scheduler.heads import ask, world
from codeforge.store import Door
from codeforge.store import tables as t

if TYPE_CHECKING:
    from codeforge.forge import Forge

WAITING = """
SELECT id, project_id, agent, provider, priority, not_before, blocked, losses + retries FROM run
WHERE state = 'queued' AND tenant_id = ?
"""
NAMED = 3
"""Needed tasks that a reason names; a task page lists all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Queued:
    """A run that waits: its ``position`` from 1, ``why`` it waits as a code and in words, ``until`` when at most."""

    position: int
    run_id: str
    number: int
    task_id: str
    title: str
    project_id: str
    project: str
    agent: str
    model: str
    provider: str
    priority: int
    why: Why
    text: str
    until: datetime | None
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A part of the queue, and the ``totals`` of all of it by reason."""

    items: tuple[Queued, ...]
    total: int
    totals: dict[Why, int]


class Line:
    """The tenant's queue."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    async def read(self, who: Principal, *, after: int = 0, limit: int = 50) -> Standing:
        """The queue behind position ``after``, at most ``limit`` of it."""

        def work(door: Door) -> Standing:
            line, totals = _standing(door, who.tenant_id)
            mine = door.of(who.tenant_id)
            parked = _parked(mine)
            line += parked
            totals |= Counter(held.why for _, held in parked)
            return Standing(items=_items(mine, line, after, limit), total=len(line), totals=totals)

        return await self._forge.store.read(None, work)

    def waiting(self, door: Door) -> dict[str, int]:
        """How many runs of all tenants wait, by reason; for figures."""
        totals: Counter[str] = Counter()
        for row in door.all(t.Tenant):
            totals.update(_standing(door, row["id"])[1])
        return dict(totals)

    async def why(self, who: Principal, run_id: str) -> str:
        """Why a run waits, in words; empty for one that does not."""

        def work(door: Door) -> str:
            mine = door.of(who.tenant_id)
            row = mine.one(t.Run, t.Run.id == run_id)
            if row and row["waiting_for"]:
                return str(row["waiting_for"]["detail"])
            facts = world(door)
            if row is None or row["state"] != RunState.QUEUED or row["project_id"] not in facts.places:
                return ""
            held = scheduler.reasons([_waiting(row)], facts, scheduler.workers_alive(door))[run_id]
            return _needs(mine, row["task_id"]) if held.why == Why.NEEDS else held.text

        return await self._forge.store.read(None, work)


def _standing(door: Door, tenant_id: str) -> tuple[list[tuple[Waiting, Hindrance]], dict[Why, int]]:
    """A tenant's line with the reasons, and how many runs each reason holds up."""
    facts = world(door)
    waiting = [
        Waiting(
            id=run_id,
            project_id=project_id,
            agent=agent,
            provider=provider,
            priority=priority,
            not_before=not_before,
            blocked=blocked,
            faults=faults,
        )
        for run_id, project_id, agent, provider, priority, not_before, blocked, faults in ask(door, WAITING, tenant_id)
        if project_id in facts.places
    ]
    line = scheduler.line(waiting, facts, scheduler.workers_alive(door))
    return line, dict(Counter(held.why for _, held in line).most_common())


def _parked(door: Door) -> list[tuple[Waiting, Hindrance]]:
    """The runs that left the queue to wait for what is not there now; those that go on by themselves first."""
    found = []
    for row in door.all(t.Run, t.Run.state == RunState.WAITING, t.Run.waiting_for.is_null(False)):
        wait = row["waiting_for"]
        found.append((_waiting(row), Hindrance(why=Why(wait["why"]), text=wait["detail"], until=wait["until"])))
    return sorted(found, key=lambda pair: (pair[1].until or float("inf"), pair[0].id))


def _waiting(row: dict[str, Any]) -> Waiting:
    names = ("id", "project_id", "agent", "provider", "priority", "not_before", "blocked")
    return Waiting(**{name: row[name] for name in names}, faults=row["losses"] + row["retries"])


def _items(door: Door, line: list[tuple[Waiting, Hindrance]], after: int, limit: int) -> tuple[Queued, ...]:
    page = line[after : after + limit]
    runs = {row["id"]: row for row in door.all(t.Run, t.Run.id.in_([run.id for run, _ in page]))}
    tasks = {row["id"]: row for row in door.all(t.Task, t.Task.id.in_([row["task_id"] for row in runs.values()]))}
    projects = {row["id"]: row for row in door.all(t.Project, t.Project.id.in_([run.project_id for run, _ in page]))}
    return tuple(
        Queued(
            position=position,
            run_id=run.id,
            number=runs[run.id]["number"],
            task_id=runs[run.id]["task_id"],
            title=tasks.get(runs[run.id]["task_id"], {}).get("title", ""),
            project_id=run.project_id,
            project=projects[run.project_id]["name"],
            agent=run.agent,
            model=runs[run.id]["model"],
            provider=run.provider,
            priority=run.priority,
            why=held.why,
            text=_needs(door, runs[run.id]["task_id"]) if held.why == Why.NEEDS else held.text,
            until=None if held.until is None else rows.moment(held.until),
            created_at=rows.moment(runs[run.id]["created_at"]),
        )
        for position, (run, held) in enumerate(page, after + 1)
    )


def _needs(door: Door, task_id: str) -> str:
    """The tasks that one waits for, by name, and what is the matter with each."""
    unmet = needs.unmet(door, task_id)
    named = [_need(door, row) for row in door.all(t.Task, t.Task.id.in_(unmet[:NAMED]))]
    more = [f"{len(unmet) - NAMED} more"] if len(unmet) > NAMED else []
    return f"waits for {'; '.join([*named, *more])}"


def _need(door: Door, task: dict[str, Any]) -> str:
    query = door.query(t.Run, t.Run.task_id == task["id"]).order_by(t.Run.number.desc()).limit(1)
    last = next(iter(door.rows(query)), None)
    name = f"task {task['id']} ({task['title'][:60]})"
    if last is None:
        return f"{name}, which was not started"
    state = RunState(last["state"])
    if state == RunState.REVIEW:
        return f"{name}, whose change waits for review"
    if state in (RunState.FAILED, RunState.STOPPED, RunState.REJECTED):
        return f"{name}, whose last run was {state}: retry it, or take the need away".replace("was failed", "failed")
    return name
