"""What is installed: plugins, broken ones with their reason, and whether each agent can run."""

from __future__ import annotations

from aiohttp import web

from codeforge import Health
from codeforge.http import FORGE
from codeforge_ui_web.render import render


async def page(request: web.Request) -> web.Response:
    offers = request.app[FORGE].offers
    return render(request, "plugins.html", plugins=offers.plugins, agents=sorted(offers.agents))


async def agent(request: web.Request) -> web.Response:
    """One agent's health, asked for after the page is there: it may take seconds."""
    found = request.app[FORGE].agent(request.match_info["name"])
    try:
        health = await found.check()
    except Exception as error:  # a back end that breaks breaks itself only
        health = Health(name=found.name, ok=False, detail=f"Its check failed: {error}")
    return render(request, "_agent.html", health=health)


def routes() -> list[web.RouteDef]:
    return [web.get("/plugins", page), web.get("/plugins/agents/{name}", agent)]
