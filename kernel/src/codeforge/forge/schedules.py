"""Schedules: tasks that CodeForge submits by itself; each time once, whichever server sees it first."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from codeforge.errors import CodeForgeError, Conflict, Invalid, NotFound, Unavailable
from codeforge.forge import projects, rows, tasks
from codeforge.ids import new_id
from codeforge.model import ENDED, Principal, Schedule, Task
from codeforge.scheduler.cron import next_tick
from codeforge.store import Door
from codeforge.store import tables as t

if TYPE_CHECKING:
    from codeforge.forge import Forge

log = logging.getLogger(__name__)
AT_ONCE = 50
"""Schedules that one look submits; what is left comes at the next."""


def find(door: Door, schedule_id: str) -> Schedule:
    """The tenant's schedule. Raises `NotFound`."""
    if row := door.one(t.Schedule, t.Schedule.id == schedule_id):
        return rows.schedule(row)
    raise NotFound(f"There is no schedule {schedule_id}.")


def _unique(door: Door, schedule_id: str, project_id: str, name: str) -> None:
    others = t.Schedule.project_id == project_id, t.Schedule.name == name, t.Schedule.id != schedule_id
    if door.one(t.Schedule, *others):
        raise Conflict(f"The project has a schedule named {name} already: choose another name.", field="name")


class Schedules:
    """The tenant's schedules."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    async def list(self, who: Principal) -> list[Schedule]:
        """All schedules, by name."""
        found = await self._forge.store.read(who.tenant_id, lambda door: door.all(t.Schedule))
        return sorted((rows.schedule(row) for row in found), key=lambda s: (s.name.lower(), s.id))

    async def get(self, who: Principal, schedule_id: str) -> Schedule:
        """One schedule. Raises `NotFound`."""
        return await self._forge.store.read(who.tenant_id, find, schedule_id)

    async def add(
        self,
        who: Principal,
        project_id: str,
        prompt: str,
        *,
        name: str,
        cron: str,
        zone: str = "UTC",
        priority: int = 0,
        agent: str | None = None,
        model: str | None = None,
        enabled: bool = True,
    ) -> Schedule:
        """Submit a task with this prompt at the times of ``cron`` in ``zone``.

        Raises `NotFound` (project, agent, model), `Invalid` (cron, zone, prompt, name) and `Conflict` for a name
        that is taken.
        """
        task, _ = await self._forge.tasks.draft(who, project_id, prompt, agent=agent, model=model)
        values: dict[str, Any] = {"cron": cron.strip(), "zone": zone, "prompt": task.prompt, "priority": priority}
        values |= {"name": _name(name), "agent": agent, "model": model, "enabled": enabled}

        def work(door: Door) -> Schedule:
            projects.find(door, project_id)
            made: dict[str, Any] = {
                "id": new_id(),
                "project_id": project_id,
                "made_by": who.user,
                "created_at": door.now(),
            }
            _unique(door, made["id"], project_id, values["name"])
            door.insert(t.Schedule, **values, **made, next_at=next_tick(values["cron"], zone, door.now()))
            return find(door, made["id"])

        return await self._forge.store.run(who.tenant_id, work)

    async def edit(self, who: Principal, schedule_id: str, **values: Any) -> Schedule:
        """Change ``name``, ``cron``, ``zone``, ``prompt``, ``priority``, ``agent``, ``model`` or ``enabled``."""
        before = await self.get(who, schedule_id)
        chosen = {name: values.get(name, getattr(before, name)) for name in ("agent", "model")}
        task, _ = await self._forge.tasks.draft(who, before.project_id, values.get("prompt", before.prompt), **chosen)
        if "prompt" in values:
            values["prompt"] = task.prompt
        if "name" in values:
            values["name"] = _name(values["name"])

        def work(door: Door) -> Schedule:
            now = find(door, schedule_id)
            _unique(door, now.id, now.project_id, values.get("name", now.name))
            if {"cron", "zone", "enabled"} & values.keys():  # a time that went by while it was off does not count
                cron, zone = values.get("cron", now.cron).strip(), values.get("zone", now.zone)
                values.update(cron=cron, next_at=next_tick(cron, zone, door.now()))
            if values:
                door.update(t.Schedule, t.Schedule.id == schedule_id, **values)
            return find(door, schedule_id)

        return await self._forge.store.run(who.tenant_id, work)

    async def remove(self, who: Principal, schedule_id: str) -> None:
        """Forget a schedule; the tasks that it submitted stay. Raises `NotFound`."""

        def work(door: Door) -> None:
            find(door, schedule_id)
            door.delete(t.Schedule, t.Schedule.id == schedule_id)

        await self._forge.store.run(who.tenant_id, work)

    async def tick(self) -> None:
        """Submit the tasks whose time has come. Times that were missed, because no server ran, come once."""

        def due(door: Door) -> list[dict[str, Any]]:
            query = door.query(t.Schedule, t.Schedule.enabled == True, t.Schedule.next_at <= door.now())  # noqa: E712
            return door.rows(query.order_by(t.Schedule.next_at).limit(AT_ONCE))

        for row in await self._forge.store.read(None, due):
            try:
                await self._submit(row)
            except Unavailable:
                raise
            except Exception:  # one that fails must not keep the others from their time
                log.exception("schedule %s could not be looked after", row["id"])

    async def _submit(self, row: dict[str, Any]) -> None:
        who = Principal(user_id="", user=row["made_by"], tenant_id=row["tenant_id"], scopes=frozenset())
        chosen: tasks.Choice | None = None
        task: Task | None = None
        try:
            given = {name: row[name] for name in ("priority", "agent", "model")}
            task, project = await self._forge.tasks.draft(
                who, row["project_id"], row["prompt"], **given, schedule_id=row["id"]
            )
            chosen = await self._forge.tasks.choices(who, task, project)
            trouble = ""
        except CodeForgeError as error:
            trouble = f"No task was submitted: {error}"

        def work(door: Door) -> tuple[str | None, str] | None:
            """One transaction: whoever moves ``next_at`` on has this tick, and nobody else."""
            try:
                moved = {"next_at": next_tick(row["cron"], row["zone"], door.now())}
            except Invalid as error:  # its time zone is gone, or its last day was
                ended = f"It was switched off: {error}"
                door.update(t.Schedule, t.Schedule.id == row["id"], enabled=False, outcome=ended)
                return None, ended
            mine = t.Schedule.id == row["id"], t.Schedule.next_at == row["next_at"], t.Schedule.enabled == True  # noqa: E712
            if not door.update(t.Schedule, *mine, **moved, last_at=row["next_at"]):
                return None
            run_id, outcome = None, trouble
            if task and chosen and (going_on := _going_on(door, row["id"])):
                outcome = f"No task was submitted: task {going_on} of the time before is still under way."
            elif task and chosen:
                (_, run_id), outcome = tasks.write(door, task, chosen, who.user), f"Task {task.id} was submitted."
            door.update(t.Schedule, t.Schedule.id == row["id"], outcome=outcome)
            return run_id, outcome

        done = await self._forge.store.run(row["tenant_id"], work)
        if done is None:
            return
        log.info("schedule %s: %s", row["id"], done[1])
        if done[0]:
            await self._forge.ring(done[0])


def _going_on(door: Door, schedule_id: str) -> str | None:
    """The schedule's last task, while a run of it has not ended."""
    last = door.rows(door.query(t.Task, t.Task.schedule_id == schedule_id).order_by(t.Task.id.desc()).limit(1))
    live = last and door.one(t.Run, t.Run.task_id == last[0]["id"], t.Run.state.not_in(list(ENDED)))
    return last[0]["id"] if live else None


def _name(name: str) -> str:
    if not name.strip() or len(name.strip()) > 100:
        raise Invalid("Give the schedule a name of at most 100 characters.", field="name")
    return name.strip()
