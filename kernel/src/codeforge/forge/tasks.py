"""Tasks, and the runs that attempt them: submitted in one transaction, so that what was answered is never lost."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from codeforge.errors import Invalid, NotFound
from codeforge.events import AgentEvent, Kind
from codeforge.forge import budgets, history, needs, projects, rows
from codeforge.ids import new_id
from codeforge.logs import tell
from codeforge.model import Principal, Project, Run, RunState, Task
from codeforge.store import Door, fn
from codeforge.store import tables as t

if TYPE_CHECKING:
    from codeforge.forge import Forge

log = logging.getLogger(__name__)
PROMPT_LIMIT = 200_000
"""Characters; a longer prompt is no prompt but a file, and belongs in the repository."""


def find(door: Door, task_id: str) -> Task:
    """The tenant's task. Raises `NotFound`."""
    if row := door.one(t.Task, t.Task.id == task_id):
        return rows.task(row, needs.of(door, [task_id]).get(task_id, ()))
    raise NotFound(f"There is no task {task_id}.")


def checked_prompt(prompt: str, field: str = "prompt") -> str:
    """The prompt, if an agent can be given it. Raises `Invalid`."""
    if not prompt.strip():
        raise Invalid("Say what the agent shall do: the prompt is empty.", field=field)
    if len(prompt) > PROMPT_LIMIT:
        raise Invalid(
            f"The prompt has {len(prompt):,} characters, more than {PROMPT_LIMIT:,}: "
            "put long material into a file of the repository and name it in the prompt.",
            field=field,
        )
    if "\0" in prompt:
        raise Invalid("The prompt holds a NUL character: remove it.", field=field)
    return prompt


def title_of(prompt: str) -> str:
    """A title from a prompt: its first line, cut at a word."""
    line = prompt.strip().splitlines()[0].strip()
    return line if len(line) <= 80 else line[:79].rsplit(" ", 1)[0] + "…"


Choice = tuple[str, str, int, str]
"""The agent, the model, the priority and the model's provider of a new run."""
Ceiling = tuple[int, str]
"""What a run may cost in micro-dollars, and who says so."""


def queue(
    door: Door,
    task: Task,
    *,
    agent: str,
    model: str,
    priority: int,
    provider: str,
    prompt: str = "",
    follows: str | None = None,
    made_by: str = "",
    ceiling: Ceiling | None = None,
) -> str:
    """Make a queued run of a task, inside the caller's transaction; gives its id.

    It waits for what the task needs and for its time, whichever way it came into the queue. ``made_by`` asked for it.
    A ``ceiling`` becomes its budget.
    """
    number = door.rows(t.Run.select(fn.COALESCE(fn.MAX(t.Run.number), 0).alias("n")).where(t.Run.task_id == task.id))[
        0
    ]["n"]
    run_id = new_id()
    door.insert(
        t.Run,
        id=run_id,
        project_id=task.project_id,
        task_id=task.id,
        number=number + 1,
        follows=follows,
        prompt=prompt or task.prompt,
        agent=agent,
        model=model,
        provider=provider,
        state=RunState.QUEUED,
        state_at=door.now(),
        priority=priority,
        blocked=len(needs.unmet(door, task.id)),
        not_before=task.not_before.timestamp() if task.not_before else 0,
        made_by=made_by,
        created_at=door.now(),
    )
    if ceiling is not None:
        budgets.give(door, "run", run_id, period="total", limit=ceiling[0], made_by=ceiling[1])
    door.after(partial(tell, log, "run queued", run=run_id, project=task.project_id, agent=agent))
    run = {"id": run_id, "tenant_id": task.tenant_id}
    history.append(door, run, [AgentEvent(Kind.STATE, {"state": RunState.QUEUED})])
    return run_id


def write(
    door: Door, task: Task, chosen: Choice | None, made_by: str = "", ceiling: Ceiling | None = None
) -> tuple[Task, str | None]:
    """Write a new task down and, where agent and model are chosen, queue its first run; gives it and the run's id."""
    projects.find(door, task.project_id)
    task = replace(task, created_at=rows.moment(door.now()))
    values = {name: getattr(task, name) for name in Task.__dataclass_fields__ if name != "needs"}
    later = task.not_before.timestamp() if task.not_before else 0
    door.insert(t.Task, **{**values, "created_at": task.created_at.timestamp(), "not_before": later})
    if task.needs:
        needs.replace(door, task.id, task.needs)
    if chosen is None:
        return task, None
    agent, model, priority, provider = chosen
    given = {"agent": agent, "model": model, "provider": provider, "made_by": made_by}
    return task, queue(door, task, priority=priority, ceiling=ceiling, **given)


def ceiling_of(who: Principal, project: Project, max_cost_micro: int | None) -> Ceiling | None:
    """What a person authorises a run to cost. Raises `Invalid` for more than the project allows."""
    if max_cost_micro is None:
        return None
    limit = project.limits.cost_micro
    if limit is not None and max_cost_micro > limit:
        allowed = budgets.dollars(limit)
        raise Invalid(f"A run of {project.name} may cost {allowed}: give no more.", field="max_cost_micro")
    return max_cost_micro, who.user


class Tasks:
    """The tenant's tasks."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    async def submit(
        self,
        who: Principal,
        project_id: str,
        prompt: str,
        *,
        title: str = "",
        priority: int = 0,
        agent: str | None = None,
        model: str | None = None,
        check: str | None = None,
        needs: Iterable[str] = (),
        not_before: datetime | None = None,
        start: bool = True,
        max_cost_micro: int | None = None,
    ) -> tuple[Task, Run | None]:
        """Write a task down and, with ``start``, queue its first run, all or nothing.

        The run waits until the tasks of the ids ``needs`` have an accepted change, and until ``not_before``;
        ``max_cost_micro`` (micro-dollars) becomes its budget. Raises `NotFound` (project, agent, model, needs) and
        `Invalid` (prompt, title, needs).
        """
        given = {"title": title, "priority": priority, "agent": agent, "model": model, "check": check}
        task, project = await self.draft(who, project_id, prompt, **given, not_before=not_before)  # type: ignore[arg-type]
        task = replace(task, needs=tuple(dict.fromkeys(needs)))
        chosen = await self.choices(who, task, project) if start else None
        if max_cost_micro is not None and not start:
            raise Invalid("The cost is bounded when a run starts: give it then.", field="max_cost_micro")
        ceiling = ceiling_of(who, project, max_cost_micro)
        task, run_id = await self._forge.store.run(who.tenant_id, write, task, chosen, who.user, ceiling)
        if run_id is None:
            return task, None
        run = await self._forge.runs.get(who, run_id)
        if not (task.needs or task.not_before):  # else the relay rings when it can start
            await self._forge.announce(run)
        return task, run

    async def draft(
        self,
        who: Principal,
        project_id: str,
        prompt: str,
        *,
        title: str = "",
        priority: int = 0,
        agent: str | None = None,
        model: str | None = None,
        check: str | None = None,
        not_before: datetime | None = None,
        schedule_id: str | None = None,
    ) -> tuple[Task, Project]:
        """A task that is not written down yet, and its project, with dots for the secrets in its words.

        Raises what `submit` raises.
        """
        project = await self._forge.projects.get(who, project_id)
        title = await self._forge.clean(who.tenant_id, title)
        prompt = await self._forge.clean(who.tenant_id, checked_prompt(prompt))
        if len(title) > 200:
            raise Invalid("The title is longer than 200 characters: shorten it.", field="title")
        task = Task(
            id=new_id(),
            tenant_id=who.tenant_id,
            project_id=project.id,
            title=title.strip() or title_of(prompt),
            prompt=prompt,
            priority=priority,
            agent=self._forge.agent(agent).name if agent else None,
            model=(await self._forge.models.find(who, model, project.id)).name if model else None,
            check=check,
            not_before=not_before,
            schedule_id=schedule_id,
            created_at=rows.moment(0),
        )
        return task, project

    async def need(self, who: Principal, task_id: str, needed: Iterable[str]) -> Task:
        """Let a task need exactly these tasks; its runs that wait do so for them from now on.

        Raises `NotFound`, and `Invalid` for tasks that would wait for each other.
        """

        def work(door: Door) -> tuple[Task, list[str]]:
            find(door, task_id)
            needs.replace(door, task_id, needed)
            return find(door, task_id), needs.recount(door, task_id)

        task, ready = await self._forge.store.run(who.tenant_id, work)
        for run_id in ready:
            await self._forge.ring(run_id)
        return task

    async def needed(self, who: Principal, task: Task) -> list[tuple[Task, bool]]:
        """The tasks that a task needs, each with whether it has an accepted change."""

        def work(door: Door) -> list[tuple[Task, bool]]:
            unmet = needs.unmet(door, task.id)
            return [(find(door, one), one not in unmet) for one in needs.of(door, [task.id]).get(task.id, ())]

        return await self._forge.store.read(who.tenant_id, work)

    async def choices(self, who: Principal, task: Task, project: Project, agent: str = "", model: str = "") -> Choice:
        """Agent, model, rank and provider of a new run, as the plugins decide. Raises `NotFound`."""
        offers = self._forge.offers
        name = agent or offers.choose_agent(task, project) or self._forge.settings.default_agent
        chosen = await self._forge.models.find(who, model or offers.choose_model(task, project) or "", project.id)
        return self._forge.agent(name).name, chosen.name, offers.rank_run(task, project) or 0, chosen.provider

    async def list(self, who: Principal, project_id: str, *, before: str = "", limit: int = 50) -> list[Task]:
        """A project's tasks, newest first, those older than task ``before``."""

        def work(door: Door) -> list[Task]:
            projects.find(door, project_id)
            older = (t.Task.id < before,) if before else ()
            query = door.query(t.Task, t.Task.project_id == project_id, *older)
            found = door.rows(query.order_by(t.Task.id.desc()).limit(limit))
            needed = needs.of(door, [row["id"] for row in found])
            return [rows.task(row, needed.get(row["id"], ())) for row in found]

        return await self._forge.store.read(who.tenant_id, work)

    async def get(self, who: Principal, task_id: str) -> Task:
        """One task. Raises `NotFound`."""
        return await self._forge.store.read(who.tenant_id, find, task_id)
