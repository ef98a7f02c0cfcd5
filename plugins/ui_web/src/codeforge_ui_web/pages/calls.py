"""A run's model calls: what each used, cost and took, while they come."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from codeforge.http import FORGE, who
from codeforge.model import LIVE
from codeforge_ui_web.exchanges import told
from codeforge_ui_web.pages.budgets import PERIODS, shown
from codeforge_ui_web.render import html, render

MOST = 500
"""Calls that the page shows, the newest; a script can have all."""


async def _about(request: web.Request) -> dict[str, Any]:
    """The run and its calls, the newest first, each with its number."""
    forge, person = request.app[FORGE], who(request)
    run = await forge.runs.get(person, request.match_info["id"])
    calls = await forge.calls.of_run(person, run.id)
    numbered = list(enumerate(calls, 1))[-MOST:][::-1]
    kept = await forge.exchanges.kept(person, run.id)
    live = run.state in LIVE
    seen = f"{len(calls)}-{sum(call['state'] == 'open' for call in calls)}-{len(kept)}-{live}"
    scripted = bool(calls) and all(call["replayed"] for call in calls)
    return {
        "scripted": scripted,
        "run": run,
        "calls": numbered,
        "kept": kept,
        "number": len(calls),
        "live": live,
        "as_seen": seen,
    }


async def page(request: web.Request) -> web.Response:
    forge, person, about = request.app[FORGE], who(request), await _about(request)
    task, project = await forge.tasks.get(person, about["run"].task_id), about["run"].project_id
    project = await forge.projects.get(person, project)
    budgets = await shown(request, run=about["run"])
    return render(request, "calls.html", task=task, project=project, budgets=budgets, periods=PERIODS, **about)


async def now(request: web.Request) -> web.Response:
    """The calls, if they are not those that the page shows already."""
    about = await _about(request)
    if request.query.get("seen") == about["as_seen"]:
        return web.Response(status=204)
    return web.Response(text=html(request, "_calls.html", **about), content_type="text/html")


async def one(request: web.Request) -> web.Response:
    """One call with what it asked and was answered, where that is kept."""
    forge, person, call_id = request.app[FORGE], who(request), request.match_info["id"]
    call = await forge.calls.get(person, call_id)
    run = await forge.runs.get(person, call["run_id"] or "")
    task, project = await forge.tasks.get(person, run.task_id), await forge.projects.get(person, run.project_id)
    said = None
    if call_id in await forge.exchanges.kept(person, run.id):
        said = told(await forge.exchanges.of_call(person, call_id))
    return render(request, "call.html", call=call, run=run, task=task, project=project, said=said)


def routes() -> list[web.RouteDef]:
    return [
        web.get("/runs/{id}/calls", page),
        web.get("/runs/{id}/calls/now", now),
        web.get("/calls/{id}", one),
    ]
