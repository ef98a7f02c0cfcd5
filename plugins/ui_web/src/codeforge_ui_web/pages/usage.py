"""Usage: tokens and cost in all, by model and by project."""

from __future__ import annotations

from aiohttp import web

from codeforge.http import FORGE, who
from codeforge_ui_web.render import render


async def page(request: web.Request) -> web.Response:
    forge, person = request.app[FORGE], who(request)
    names = {project.id: project.name for project in await forge.projects.list(person)}
    by_project = {
        names.get(key, "a removed project"): use for key, use in (await forge.calls.by(person, "project_id")).items()
    }
    by_model = await forge.calls.by(person, "model")
    return render(
        request, "usage.html", total=await forge.calls.total(person), by_model=by_model, by_project=by_project
    )


def routes() -> list[web.RouteDef]:
    return [web.get("/usage", page)]
