"""What is down of the parts that the server stands on: a strip on every page, which asks for itself again and again."""

from __future__ import annotations

from aiohttp import web

from codeforge.http import FORGE, public
from codeforge_ui_web.render import render


@public  # because it must be told while the database, which knows who is signed in, is down
async def strip(request: web.Request) -> web.Response:
    await request.app[FORGE].parts.look()
    return render(request, "_trouble.html")


def routes() -> list[web.RouteDef]:
    return [web.get("/trouble", strip)]
