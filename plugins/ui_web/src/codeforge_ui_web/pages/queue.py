"""The queue: what waits, in the order in which it would be taken, and why each waits."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from codeforge.http import FORGE, who
from codeforge_ui_web.live import stream
from codeforge_ui_web.render import html, render

PAGE = 50


async def _standing(request: web.Request) -> dict[str, Any]:
    """The part of the queue behind the position ``after`` of the address."""
    text = request.query.get("after", "")
    after = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
    queue = await request.app[FORGE].line.read(who(request), after=after, limit=PAGE)
    return {"queue": queue, "after": after, "page": PAGE}


async def page(request: web.Request) -> web.Response:
    return render(request, "queue.html", **await _standing(request))


async def live(request: web.Request) -> web.StreamResponse:
    async def piece() -> str:
        return html(request, "_queue.html", **await _standing(request))

    return await stream(request, piece, apart=1.0)


def routes() -> list[web.RouteDef]:
    return [web.get("/queue", page), web.get("/queue/live", live)]
