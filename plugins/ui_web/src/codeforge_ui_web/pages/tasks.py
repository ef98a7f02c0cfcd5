"""Tasks: a project's list with the state of each latest run, a form for a new one, and a task with its runs."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from codeforge import Run, Task
from codeforge.http import FORGE, who
from codeforge_ui_web.choices import choices
from codeforge_ui_web.forms import fields, go, micro_or_none
from codeforge_ui_web.live import stream
from codeforge_ui_web.pages import forecast
from codeforge_ui_web.render import html, render

PAGE = 30


async def _rows(request: web.Request) -> list[tuple[Task, Run | None]]:
    """The newest tasks (older than ``before``, where given), each with its latest run."""
    forge, person = request.app[FORGE], who(request)
    before = request.query.get("before", "")
    found = await forge.tasks.list(person, request.match_info["id"], before=before, limit=PAGE)
    runs = [await forge.runs.list(person, task_id=task.id, limit=1) for task in found]
    return [(task, run[0] if run else None) for task, run in zip(found, runs, strict=True)]


async def of_project(request: web.Request) -> web.Response:
    project = await request.app[FORGE].projects.get(who(request), request.match_info["id"])
    rows, before = await _rows(request), request.query.get("before", "")
    context = {**await choices(request), **await forecast.about(request, project.id)}
    return render(request, "project.html", project=project, rows=rows, before=before, page=PAGE, **context)


async def live(request: web.Request) -> web.StreamResponse:
    project = await request.app[FORGE].projects.get(who(request), request.match_info["id"])

    async def piece() -> str:
        return html(request, "_tasks.html", project=project, rows=await _rows(request))

    return await stream(request, piece)


async def submit(request: web.Request) -> web.Response:
    given = await fields(request)
    task, run = await request.app[FORGE].tasks.submit(
        who(request),
        request.match_info["id"],
        given.get("prompt", "").strip(),
        agent=given.get("agent") or None,
        model=given.get("model") or None,
        max_cost_micro=micro_or_none(given, "max_cost", "What it may cost"),
    )
    return go(request, f"/runs/{run.id}" if run else f"/tasks/{task.id}")


async def page(request: web.Request) -> web.Response:
    forge, person = request.app[FORGE], who(request)
    task = await forge.tasks.get(person, request.match_info["id"])
    project, runs = await forge.projects.get(person, task.project_id), await forge.runs.list(person, task_id=task.id)
    needed = await forge.tasks.needed(person, task)
    context: dict[str, Any] = {"task": task, "project": project, "runs": runs, "needed": needed}
    context |= await forecast.about(request, project.id, task.agent or "", task.model or "")
    return render(request, "task.html", **context, **await choices(request))


async def start(request: web.Request) -> web.Response:
    """One more run of the task: from scratch, or going on from the work of an earlier one."""
    given, task_id = await fields(request), request.match_info["id"]
    agent, model, follows = given.get("agent", ""), given.get("model", ""), given.get("follows") or None
    ceiling = micro_or_none(given, "max_cost", "What it may cost")
    run = await request.app[FORGE].runs.start(
        who(request), task_id, agent=agent, model=model, follows=follows, max_cost_micro=ceiling
    )
    return go(request, f"/runs/{run.id}")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/projects/{id}", of_project),
        web.get("/projects/{id}/live", live),
        web.post("/projects/{id}/tasks", submit),
        web.get("/tasks/{id}", page),
        web.post("/tasks/{id}/runs", start),
    ]
