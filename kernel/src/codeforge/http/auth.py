"""Lets requests in by bearer token or session cookie, each with its scopes; changes only from our own pages."""

from __future__ import annotations

import asyncio
import hmac
import time
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from codeforge.errors import Forbidden, Unauthorized
from codeforge.http.context import FORGE, SESSION, WHO, csrf, is_public, scope_of
from codeforge.http.peers import is_https
from codeforge.http.reading import check_text, form
from codeforge.http.security import wants_page
from codeforge.model import Principal

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
TOGETHER = 1.0
"""Seconds in which those with the same token or session are checked by one question."""
AGAIN: web.AppKey[dict[str, tuple[float, asyncio.Future[Principal]]]] = web.AppKey("again", dict)
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


@web.middleware
async def let_in(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse strangers' host names, then everybody who is not signed in or may not do this."""
    check_text(request)
    if not request.app[FORGE].settings.allow_remote:
        _check_host(request)
    if request.match_info.http_exception is not None or is_public(request.match_info.handler):
        return await handler(request)
    try:
        request[WHO] = principal = await resolve(request)
    except Unauthorized:
        if request.method in ("GET", "HEAD") and wants_page(request) and _navigates(request):
            raise web.HTTPSeeOther(f"/signin?next={quote(request.path_qs, safe='')}") from None
        raise
    needed = scope_of(request.match_info.handler, request.method)
    if needed not in principal.scopes:
        raise Forbidden(f"This token has no scope {needed}: use one that has it.")
    if SESSION in request and request.method not in SAFE:
        await _check_csrf(request)
    return await handler(request)


async def resolve(request: web.Request) -> Principal:
    """Who sent this. Raises `Unauthorized`."""
    accounts = request.app[FORGE].accounts
    if header := request.headers.get("Authorization"):
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthorized("The header Authorization must be: Bearer and a token.")
        return await accounts.by_token(token.strip())
    if secret := request.cookies.get(cookie_name(request)):
        principal = await accounts.by_session(secret)
        request[SESSION] = secret
        return principal
    raise Unauthorized(
        "Nobody is signed in: send a bearer token, or sign in with the link that `codeforge link` gives."
    )


async def check_again(request: web.Request) -> None:
    """Whether who sent this may still be here. Raises `Unauthorized`.

    For answers without end: of thousands with one token or session, one asks in a second, and all are told.
    """
    known, now = request.app[AGAIN], time.monotonic()
    of = request.headers.get("Authorization") or request.cookies.get(cookie_name(request), "")
    asked, answer = known.get(of, (0.0, None))
    if answer is None or now - asked > TOGETHER:
        for old in [key for key, (then, _) in known.items() if now - then > TOGETHER]:
            del known[old]
        answer = asyncio.ensure_future(resolve(request))
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())  # heard, though all have gone
        known[of] = now, answer
    await asyncio.shield(answer)


def cookie_name(request: web.Request) -> str:
    """The session cookie's name; over TLS one that no other host and no plain page can set."""
    return "__Host-codeforge" if is_https(request) else "codeforge"


def check_same_origin(request: web.Request) -> None:
    """Refuse what another site's page sends. Raises `Forbidden`."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    foreign = site not in (None, "same-origin", "none") or (origin is not None and _host_of(origin) != request.host)
    if foreign:
        raise Forbidden("This came from a page of another site: do it from CodeForge's own pages.")


async def _check_csrf(request: web.Request) -> None:
    check_same_origin(request)
    token = request.headers.get("X-CSRF-Token", "")
    if not token and request.content_type in FORMS:
        token = (await form(request)).get("csrf", "")
    if not hmac.compare_digest(token.encode(), csrf(request).encode()):
        raise Forbidden("This page is too old to act from: load it again, then repeat what you did.")


def _check_host(request: web.Request) -> None:
    """On loopback only local names: else a foreign name that points to 127.0.0.1 would make our pages its own."""
    name = _name_of(request.headers.get("Host", ""))
    if name != "localhost" and not is_loopback(name):
        raise Forbidden(
            "This server answers to localhost and 127.0.0.1 only: use such an address, "
            "or set CODEFORGE_ALLOW_REMOTE=1 when a proxy stands before it."
        )


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _name_of(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def is_loopback(name: str) -> bool:
    """Whether an address is of this machine alone."""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _navigates(request: web.Request) -> bool:
    """Whether a person goes to a page, and not a script that fetches a part of one."""
    return request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
