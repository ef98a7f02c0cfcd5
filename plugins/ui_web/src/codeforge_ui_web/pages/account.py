"""Signing in, the front page, and the page for everything that goes wrong."""

from __future__ import annotations

from aiohttp import web

from codeforge.http import ERROR_PAGE, failure, public
from codeforge_ui_web.forms import by_script
from codeforge_ui_web.render import render

HEADINGS = {
    401: "Please sign in",
    403: "You may not do this",
    404: "There is nothing here",
    409: "That does not fit any more",
}


@public
async def sign_in(request: web.Request) -> web.Response:
    """A button that spends the link: what only looks at links, such as a chat's preview, must not use it up."""
    token, onward = request.query.get("token", ""), request.query.get("next", "/projects")
    return render(request, "signin.html", token=token, onward=onward)


async def front(request: web.Request) -> web.Response:
    raise web.HTTPSeeOther("/projects")


@public
async def error(request: web.Request) -> web.Response:
    """One sentence: as a page, or as a piece where a form or list is."""
    found = failure(request)
    if by_script(request):
        return render(request, "_wrong.html", status=found.status, sentence=found.sentence)
    heading = HEADINGS.get(found.status, "This did not work")
    return render(request, "error.html", status=found.status, heading=heading, failure=found)


def routes() -> list[web.RouteDef]:
    return [web.get("/", front), web.get("/signin", sign_in), web.get("/error", error, name=ERROR_PAGE)]
