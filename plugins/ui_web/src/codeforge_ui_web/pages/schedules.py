"""Schedules: tasks that are submitted again and again; made, switched on and off, and forgotten here."""

from __future__ import annotations

from aiohttp import web

from codeforge.http import FORGE, who
from codeforge_ui_web.choices import choices
from codeforge_ui_web.forms import fields, go
from codeforge_ui_web.render import render


async def page(request: web.Request) -> web.Response:
    forge, person = request.app[FORGE], who(request)
    projects = await forge.projects.list(person)
    names, schedules = {project.id: project.name for project in projects}, await forge.schedules.list(person)
    return render(
        request, "schedules.html", schedules=schedules, names=names, projects=projects, **await choices(request)
    )


async def add(request: web.Request) -> web.Response:
    given = await fields(request)
    await request.app[FORGE].schedules.add(
        who(request),
        given.get("project", ""),
        given.get("prompt", "").strip(),
        name=given.get("name", ""),
        cron=given.get("cron", ""),
        zone=given.get("zone", "").strip() or "UTC",
        agent=given.get("agent") or None,
        model=given.get("model") or None,
    )
    return go(request, "/queue/schedules")


async def switch(request: web.Request) -> web.Response:
    """Switch a schedule on or off, as the form says."""
    on = (await fields(request)).get("on") == "yes"
    await request.app[FORGE].schedules.edit(who(request), request.match_info["id"], enabled=on)
    return go(request, "/queue/schedules")


async def remove(request: web.Request) -> web.Response:
    await request.app[FORGE].schedules.remove(who(request), request.match_info["id"])
    return go(request, "/queue/schedules")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/queue/schedules", page),
        web.post("/queue/schedules", add),
        web.post("/queue/schedules/{id}/switch", switch),
        web.post("/queue/schedules/{id}/remove", remove),
    ]
