"""Tasks, and the runs that attempt them: submitted in one transaction, so that what was answered is never lost."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING

from codeforge.errors import Invalid, NotFound
from codeforge.events import AgentEvent, Kind
from codeforge.forge import history, projects, rows
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
        return rows.task(row)
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


def queue(
    door: Door, task: Task, *, agent: str, model: str, priority: int, prompt: str = "", follows: str | None = None
) -> str:
    """Make a queued run of a task, inside the caller's transaction; gives its id."""
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
        state=RunState.QUEUED,
        state_at=door.now(),
        priority=priority,
        created_at=time.time(),
    )
    door.after(partial(tell, log, "run queued", run=run_id, project=task.project_id, agent=agent))
    run = {"id": run_id, "tenant_id": task.tenant_id}
    history.append(door, run, [AgentEvent(Kind.STATE, {"state": RunState.QUEUED})])
    return run_id


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
        start: bool = True,
    ) -> tuple[Task, Run | None]:
        """Write a task down and, with ``start``, queue its first run, all or nothing.

        Raises `NotFound` (project, agent, model) and `Invalid` (prompt, title).
        """
        project = await self._forge.projects.get(who, project_id)
        if len(title) > 200:
            raise Invalid("The title is longer than 200 characters: shorten it.", field="title")
        task = Task(
            id=new_id(),
            tenant_id=who.tenant_id,
            project_id=project.id,
            title=title.strip() or title_of(checked_prompt(prompt)),
            prompt=checked_prompt(prompt),
            priority=priority,
            agent=self._forge.agent(agent).name if agent else None,
            model=(await self._forge.models.find(who, model)).name if model else None,
            check=check,
            created_at=rows.moment(time.time()),
        )
        chosen = await self.choices(who, task, project) if start else None

        def work(door: Door) -> str | None:
            projects.find(door, project.id)
            values = {name: getattr(task, name) for name in Task.__dataclass_fields__}
            later = task.not_before.timestamp() if task.not_before else 0
            door.insert(t.Task, **{**values, "created_at": task.created_at.timestamp(), "not_before": later})
            if chosen is None:
                return None
            return queue(door, task, agent=chosen[0], model=chosen[1], priority=chosen[2])

        run_id = await self._forge.store.run(who.tenant_id, work)
        if run_id is None:
            return task, None
        run = await self._forge.runs.get(who, run_id)
        await self._forge.announce(run)
        return task, run

    async def choices(
        self, who: Principal, task: Task, project: Project, agent: str = "", model: str = ""
    ) -> tuple[str, str, int]:
        """The agent, model and rank of a new run, as the plugins decide. Raises `NotFound` for what is not there."""
        offers = self._forge.offers
        name = agent or offers.choose_agent(task, project) or self._forge.settings.default_agent
        chosen = await self._forge.models.find(who, model or offers.choose_model(task, project) or "")
        return self._forge.agent(name).name, chosen.name, offers.rank_run(task, project) or 0

    async def list(self, who: Principal, project_id: str, *, before: str = "", limit: int = 50) -> list[Task]:
        """A project's tasks, newest first, those older than task ``before``."""

        def work(door: Door) -> list[Task]:
            projects.find(door, project_id)
            older = (t.Task.id < before,) if before else ()
            query = door.query(t.Task, t.Task.project_id == project_id, *older)
            return [rows.task(row) for row in door.rows(query.order_by(t.Task.id.desc()).limit(limit))]

        return await self._forge.store.run(who.tenant_id, work)

    async def get(self, who: Principal, task_id: str) -> Task:
        """One task. Raises `NotFound`."""
        return await self._forge.store.run(who.tenant_id, find, task_id)
