"""Signing in with a one-time link's secret, and out. The page that asks for it belongs to the pages plugin."""

from __future__ import annotations

import re
import time
from collections import defaultdict, deque

from aiohttp import web

from codeforge.errors import Unauthorized
from codeforge.forge.accounts import SESSION_SECONDS
from codeforge.http.auth import check_same_origin, cookie_name
from codeforge.http.context import FORGE, public, who
from codeforge.http.peers import is_https, peer
from codeforge.http.reading import form

LOCAL_PATH = re.compile(r"/(?!/)[!-\[\]-~]*")
"""A path of this server: no second slash that would name a host, no backslash that browsers read as one."""
TRIES, WINDOW = 10, 60.0


class Failures:
    """Counts failed attempts by address: ten a minute are enough for a person."""

    def __init__(self) -> None:
        self._by: defaultdict[str, deque[float]] = defaultdict(deque)

    def check(self, peer: str) -> None:
        """Raises HTTP 429 when there were too many lately."""
        for name in [p for p, times in self._by.items() if times[-1] < time.monotonic() - WINDOW]:
            del self._by[name]
        if len(self._by.get(peer, ())) >= TRIES:
            raise web.HTTPTooManyRequests(
                text="Too many failed attempts to sign in: wait a minute.", headers={"Retry-After": "60"}
            )

    def add(self, peer: str) -> None:
        """One more has failed."""
        self._by[peer].append(time.monotonic())


FAILURES: web.AppKey[Failures] = web.AppKey("failures", Failures)


def local_path(given: str) -> str:
    """``given``, when it is a path of this server; else the front page."""
    return given if LOCAL_PATH.fullmatch(given) else "/"


@public
async def sign_in(request: web.Request) -> web.Response:
    """POST /signin with the form fields ``token`` and ``next``: sets the session's cookie and goes on to ``next``."""
    check_same_origin(request)
    failures, address = request.app[FAILURES], peer(request)
    failures.check(address)
    given = await form(request)
    try:
        secret = await request.app[FORGE].accounts.sign_in(given.get("token", ""))
    except Unauthorized:
        failures.add(address)
        raise
    answer = web.HTTPSeeOther(local_path(given.get("next", "/")))
    answer.set_cookie(
        cookie_name(request),
        secret,
        max_age=int(SESSION_SECONDS),
        path="/",
        httponly=True,
        samesite="Lax",
        secure=is_https(request),
    )
    raise answer


async def sign_out(request: web.Request) -> web.Response:
    """POST /signout: ends the session and goes to the sign-in page."""
    await request.app[FORGE].accounts.sign_out(who(request))
    answer = web.HTTPSeeOther("/signin")
    answer.del_cookie(cookie_name(request), path="/", httponly=True, samesite="Lax", secure=is_https(request))
    raise answer


ROUTES = (web.post("/signin", sign_in), web.post("/signout", sign_out))
