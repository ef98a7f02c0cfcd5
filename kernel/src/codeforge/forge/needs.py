"""What tasks wait for: a task's runs start when every task that it needs has an accepted change."""

from __future__ import annotations

from collections.abc import Iterable

from codeforge.errors import Conflict, Invalid, NotFound
from codeforge.model import ENDED, RunState
from codeforge.store import Door
from codeforge.store import tables as t

MOST = 100
"""Tasks that one task may need."""


def of(door: Door, task_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The ids of the tasks that each task needs, by its id; those without needs are left out."""
    found: dict[str, tuple[str, ...]] = {}
    for row in door.all(t.Dependency, t.Dependency.task_id.in_(list(task_ids))):
        found[row["task_id"]] = (*found.get(row["task_id"], ()), row["needs_id"])
    return found


def unmet(door: Door, task_id: str) -> list[str]:
    """The needed tasks that have no accepted change."""
    needed = of(door, [task_id]).get(task_id, ())
    if not needed:
        return []
    done = door.query(t.Run, t.Run.task_id.in_(needed), t.Run.state == RunState.ACCEPTED).select(t.Run.task_id)
    accepted = {row["task_id"] for row in door.rows(done)}
    return [need for need in needed if need not in accepted]


def replace(door: Door, task_id: str, needed: Iterable[str]) -> None:
    """Let a task need these tasks and no others. Raises `NotFound`, and `Invalid` for a circle."""
    wanted = list(dict.fromkeys(needed))
    if len(wanted) > MOST:
        raise Invalid(f"A task may need {MOST} others, not {len(wanted)}: put one between.", field="needs")
    known = {row["id"] for row in door.all(t.Task, t.Task.id.in_(wanted))} if wanted else set()
    for missing in (need for need in wanted if need not in known):
        raise NotFound(f"There is no task {missing[:64]} to wait for.", field="needs")
    if path := _circle(door, task_id, wanted):
        titles = {row["id"]: row["title"] for row in door.all(t.Task, t.Task.id.in_(path))}
        words = " needs ".join(f"{one} ({titles.get(one, '')[:40]})" for one in path)
        raise Invalid(f"The tasks would wait for each other for ever: {words}.", field="needs")
    door.delete(t.Dependency, t.Dependency.task_id == task_id)
    for need in wanted:
        door.insert(t.Dependency, task_id=task_id, needs_id=need)


def _circle(door: Door, task_id: str, wanted: list[str]) -> list[str]:
    """The way from a task over what it is to need back to itself; empty when there is none."""
    came_from = dict.fromkeys(wanted, task_id)
    edge = list(wanted)
    while edge:
        if task_id in came_from:
            path = [task_id]
            while (before := came_from[path[-1]]) != task_id:
                path.append(before)
            return [task_id, *reversed(path)]
        further = {need: task for task, needed in of(door, edge).items() for need in needed if need not in came_from}
        came_from.update(further)
        edge = list(further)
    return []


def recount(door: Door, task_id: str) -> list[str]:
    """Let a task's runs wait for what it needs now; gives the ids of those that may start."""
    live = t.Run.task_id == task_id, t.Run.state.not_in(list(ENDED))
    blocked = len(unmet(door, task_id))
    door.update(t.Run, *live, blocked=blocked)
    return [] if blocked else [row["id"] for row in door.all(t.Run, *live, t.Run.state == RunState.QUEUED)]


def met(door: Door, task_id: str) -> list[str]:
    """Let the runs go on that waited for this task, just before its change becomes accepted; gives some of their ids.

    Only the first accepted change of a task counts.
    """
    if door.one(t.Run, t.Run.task_id == task_id, t.Run.state == RunState.ACCEPTED):
        return []
    waiting = t.Dependency.select(t.Dependency.task_id).where(t.Dependency.needs_id == task_id)
    of_them = t.Run.task_id.in_(waiting), t.Run.state.not_in(list(ENDED))
    door.update(t.Run, *of_them, t.Run.blocked > 0, blocked=t.Run.blocked - 1)
    ready = door.query(t.Run, *of_them, t.Run.state == RunState.QUEUED, t.Run.blocked == 0)
    return [row["id"] for row in door.rows(ready.order_by(t.Run.priority.desc(), t.Run.id).limit(100))]


def forget(door: Door, project_id: str) -> None:
    """Forget what a project's tasks need and are needed for. Raises `Conflict` when others still wait for one."""
    mine = t.Task.select(t.Task.id).where(t.Task.project_id == project_id)
    outside = t.Dependency.needs_id.in_(mine), t.Dependency.task_id.not_in(mine)
    for row in door.all(t.Dependency, *outside):
        if row["needs_id"] in unmet(door, row["task_id"]):
            raise Conflict(
                f"The task {row['task_id']} of another project waits for the task {row['needs_id']} of this one: "
                "take that need away first."
            )
    door.delete(t.Dependency, t.Dependency.task_id.in_(mine))
    door.delete(t.Dependency, t.Dependency.needs_id.in_(mine))
