"""Tokens for scripts and the command line: made here, shown once, revoked here."""

from __future__ import annotations

from aiohttp import web

from codeforge.http import FORGE, who
from codeforge_ui_web.forms import fields, go, whole
from codeforge_ui_web.render import render

SCOPES = {
    "read": "look at everything",
    "write": "add projects, start and review runs",
    "admin": "set providers' keys, make tokens",
}


async def page(request: web.Request) -> web.Response:
    tokens = await request.app[FORGE].accounts.tokens(who(request))
    return render(request, "tokens.html", tokens=tokens, scopes=SCOPES)


async def make(request: web.Request) -> web.Response:
    """The secret is in this answer only, which no browser keeps."""
    given, form = await fields(request), await request.post()
    scopes = tuple(str(scope) for scope in form.getall("scope", []))
    days = whole(given, "days", "The number of days") if given.get("days") else None
    _, secret = await request.app[FORGE].accounts.new_token(who(request), given.get("name", ""), scopes, days)
    tokens = await request.app[FORGE].accounts.tokens(who(request))
    answer = render(request, "_token.html", secret=secret, tokens=tokens)
    answer.headers["Cache-Control"] = "no-store"
    return answer


async def revoke(request: web.Request) -> web.Response:
    await request.app[FORGE].accounts.revoke_token(who(request), request.match_info["id"])
    return go(request, "/tokens")


def routes() -> list[web.RouteDef]:
    return [web.get("/tokens", page), web.post("/tokens", make), web.post("/tokens/{id}/revoke", revoke)]
