"""What a run will probably take: beside the forms that start one, for the agent and model that are chosen there."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from codeforge import CodeForgeError
from codeforge.http import FORGE, who
from codeforge_ui_web.render import render


async def about(request: web.Request, project_id: str, agent: str = "", model: str = "") -> dict[str, Any]:
    """The context of a form that starts a run: the forecast, or None where nothing can be started yet."""
    try:
        found = await request.app[FORGE].forecast(who(request), project_id, agent=agent, model=model)
    except CodeForgeError:  # no such agent or model: the form itself says so when it is sent
        found = None
    return {"forecast": found}


async def piece(request: web.Request) -> web.Response:
    project_id, chosen = request.match_info["id"], request.query
    project = await request.app[FORGE].projects.get(who(request), project_id)
    found = await about(request, project.id, chosen.get("agent", ""), chosen.get("model", ""))
    return render(request, "_forecast.html", **found)


def routes() -> list[web.RouteDef]:
    return [web.get("/projects/{id}/forecast", piece)]
