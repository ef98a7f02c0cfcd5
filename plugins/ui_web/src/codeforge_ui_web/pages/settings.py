"""A project's settings: changed against the version that was seen, and the project's removal."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from codeforge.http import FORGE, who
from codeforge_ui_web.choices import choices
from codeforge_ui_web.forms import fields, go, seconds, whole
from codeforge_ui_web.render import render


async def page(request: web.Request) -> web.Response:
    project = await request.app[FORGE].projects.get(who(request), request.match_info["id"])
    taken = await request.app[FORGE].space.of(who(request), project.id)
    return render(request, "settings.html", project=project, taken=taken, **await choices(request))


async def save(request: web.Request) -> web.Response:
    given, project_id = await fields(request), request.match_info["id"]
    project = await request.app[FORGE].projects.get(who(request), project_id)
    steps = whole(given, "steps", "The step limit")
    limits = replace(project.limits, steps=steps, seconds=seconds(given, "minutes"))
    values = {name: given.get(name, "").strip() for name in ("name", "branch", "agent", "model", "check")}
    version = whole(given, "version", "The version")
    disk_mb = project.disk_mb
    if "disk_mb" in given:
        disk_mb = whole(given, "disk_mb", "The disk budget") if given["disk_mb"].strip() else None
    await request.app[FORGE].projects.edit(
        who(request), project_id, version=version, limits=limits, disk_mb=disk_mb, **values
    )
    return go(request, f"/projects/{project_id}")


async def remove(request: web.Request) -> web.Response:
    await request.app[FORGE].projects.remove(who(request), request.match_info["id"])
    return go(request, "/projects")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/projects/{id}/settings", page),
        web.post("/projects/{id}/settings", save),
        web.post("/projects/{id}/remove", remove),
    ]
