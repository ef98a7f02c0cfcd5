"""A run's model calls: what each used, cost and took, while they come."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from codeforge.http import FORGE, who
from codeforge.model import LIVE
from codeforge_ui_web.render import html, render

MOST = 500
"""Calls that the page shows, the newest; a script can have all."""


async def _about(request: web.Request) -> dict[str, Any]:
    """The run and its calls, the newest first, each with its number."""
    forge, person = request.app[FORGE], who(request)
    run = await forge.runs.get(person, request.match_info["id"])
    calls = await forge.calls.of_run(person, run.id)
    numbered = list(enumerate(calls, 1))[-MOST:][::-1]
    live = run.state in LIVE
    return {"run": run, "calls": numbered, "number": len(calls), "live": live, "as_seen": f"{len(calls)}-{live}"}


async def page(request: web.Request) -> web.Response:
    forge, person, about = request.app[FORGE], who(request), await _about(request)
    task, project = await forge.tasks.get(person, about["run"].task_id), about["run"].project_id
    project = await forge.projects.get(person, project)
    return render(request, "calls.html", task=task, project=project, **about)


async def now(request: web.Request) -> web.Response:
    """The calls, if they are not those that the page shows already."""
    about = await _about(request)
    if request.query.get("seen") == about["as_seen"]:
        return web.Response(status=204)
    return web.Response(text=html(request, "_calls.html", **about), content_type="text/html")


def routes() -> list[web.RouteDef]:
    return [web.get("/runs/{id}/calls", page), web.get("/runs/{id}/calls/now", now)]
