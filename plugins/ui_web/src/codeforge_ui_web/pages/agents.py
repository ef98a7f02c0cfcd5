"""Agents: what each can do and by whom, where it is installed, and installing it on the server's own machine."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from codeforge.abilities import HOW
from codeforge.http import FORGE, who
from codeforge.http.context import needs
from codeforge_ui_web.forms import by_script, go
from codeforge_ui_web.render import html, render


def _about(request: web.Request) -> dict[str, Any]:
    """What every row needs to know: the words for abilities, whether agents are installed here, and by this person."""
    may = "admin" in who(request).scopes
    return {"how": HOW, "here": request.app[FORGE].agents.here, "may": may}


async def page(request: web.Request) -> web.Response:
    agents = await request.app[FORGE].agents.all(who(request))
    return render(request, "agents.html", agents=agents, **_about(request))


async def install(request: web.Request) -> web.Response:
    await request.app[FORGE].agents.install(who(request), request.match_info["name"])
    return await row(request, changed=True)


async def stop(request: web.Request) -> web.Response:
    await request.app[FORGE].agents.stop(who(request), request.match_info["name"])
    return await row(request, changed=True)


async def row(request: web.Request, *, changed: bool = False) -> web.Response:
    """One agent: the page asks again while it is being installed."""
    if changed and not by_script(request):
        return go(request, "/agents")
    agent = await request.app[FORGE].agents.get(who(request), request.match_info["name"])
    answer = web.Response(text=html(request, "_agent.html", agent=agent, **_about(request)), content_type="text/html")
    if changed:
        answer.headers.update({"HX-Retarget": f'[id="agent-{agent.name}"]', "HX-Reswap": "outerMorph"})
    return answer


def routes() -> list[web.RouteDef]:
    return [
        web.get("/agents", page),
        web.get("/agents/{name}", row),
        web.post("/agents/{name}/install", needs("admin", install)),
        web.post("/agents/{name}/stop", needs("admin", stop)),
    ]
