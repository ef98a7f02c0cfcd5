"""What is installed: plugins, and broken ones with their reason."""

from __future__ import annotations

from aiohttp import web

from codeforge.http import FORGE
from codeforge_ui_web.render import render


async def page(request: web.Request) -> web.Response:
    return render(request, "plugins.html", plugins=request.app[FORGE].offers.plugins)


def routes() -> list[web.RouteDef]:
    return [web.get("/plugins", page)]
