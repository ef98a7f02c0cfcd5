"""Tasks: work for agents, and the runs that attempt it."""

from typing import Annotated

from pydantic import Field

from codeforge.forge import Forge
from codeforge.http import schemas
from codeforge.http.api import operation
from codeforge.http.once import Made
from codeforge.http.resources.runs import last_run, shape
from codeforge.http.schemas import Id
from codeforge.model import Principal


@operation("GET", "/projects/{id}/tasks", errors=(404,))
async def list_tasks(
    forge: Forge, who: Principal, id: Id, before: Id = "", limit: Annotated[int, Field(ge=1, le=200)] = 50
) -> schemas.Page[schemas.Task]:
    """List a project's tasks, newest first."""
    found = await forge.tasks.list(who, id, before=before, limit=limit)
    onward = found[-1].id if len(found) == limit else None
    return schemas.Page(items=[schemas.Task.of(task) for task in found], next=onward)


async def _submitted(forge: Forge, who: Principal, made: Made) -> schemas.Submitted:
    task, run = await forge.tasks.get(who, made["task"]), made.get("run")
    return schemas.Submitted(task=schemas.Task.of(task), run=await last_run(forge, who, made) if run else None)


@operation("POST", "/projects/{id}/tasks", status=201, errors=(404,), once=_submitted)
async def submit_task(forge: Forge, who: Principal, id: Id, body: schemas.NewTask) -> schemas.Submitted:
    """Write a task down and start its first run. Once this is answered, the task survives whatever is killed."""
    task, run = await forge.tasks.submit(who, id, **body.model_dump())
    return schemas.Submitted(task=schemas.Task.of(task), run=shape(forge, run) if run else None)


@operation("GET", "/tasks/{id}", errors=(404,))
async def read_task(forge: Forge, who: Principal, id: Id) -> schemas.Task:
    """Read one task."""
    return schemas.Task.of(await forge.tasks.get(who, id))


@operation("PUT", "/tasks/{id}/needs", errors=(404,))
async def set_needs(forge: Forge, who: Principal, id: Id, body: schemas.Needs) -> schemas.Task:
    """Let a task wait for exactly these tasks to have an accepted change. A circle is refused with its path."""
    return schemas.Task.of(await forge.tasks.need(who, id, body.needs))


@operation("GET", "/tasks/{id}/runs", errors=(404,))
async def list_task_runs(
    forge: Forge, who: Principal, id: Id, before: Id = "", limit: Annotated[int, Field(ge=1, le=200)] = 50
) -> schemas.Page[schemas.Run]:
    """List a task's runs, newest first."""
    await forge.tasks.get(who, id)
    found = await forge.runs.list(who, task_id=id, before=before, limit=limit)
    return schemas.Page(items=[shape(forge, run) for run in found], next=found[-1].id if len(found) == limit else None)


@operation("POST", "/tasks/{id}/runs", status=201, errors=(404, 409), once=last_run)
async def start_run(forge: Forge, who: Principal, id: Id, body: schemas.NewRun = schemas.NewRun()) -> schemas.Run:  # noqa: B008
    """Start a task, or try it again: from scratch, or from the change of an earlier run."""
    return shape(forge, await forge.runs.start(who, id, **body.model_dump()))


OPERATIONS = (list_tasks, submit_task, read_task, set_needs, list_task_runs, start_run)
