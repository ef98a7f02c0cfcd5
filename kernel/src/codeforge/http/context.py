"""What a handler may ask of its request: the forge, who is there, and what went wrong."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web

from codeforge.errors import Unauthorized
from codeforge.forge import Forge
from codeforge.model import Principal

Handler = TypeVar("Handler", bound=Callable[..., Any])

FORGE: web.AppKey[Forge] = web.AppKey("forge", Forge)
CLOSING: web.AppKey[asyncio.Event] = web.AppKey("closing", asyncio.Event)
"""Set when the server shuts down, so that endless answers end."""
WHO: web.RequestKey[Principal] = web.RequestKey("who", Principal)
SESSION: web.RequestKey[str] = web.RequestKey("session", str)
"""The cookie's secret, where a session (not a token) let the request in."""
ERROR_PAGE = "error_page"
"""The name of the route whose handler shows failures to browsers; it asks `failure` what happened."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What an error page shows: an HTTP status and one sentence for a person."""

    status: int
    sentence: str


FAILURE: web.RequestKey[Failure] = web.RequestKey("failure", Failure)

_PUBLIC, _SCOPE = "__codeforge_public__", "__codeforge_scope__"


def public(handler: Handler) -> Handler:
    """Mark a handler that needs no sign-in. It must not change anything on the word of a cookie."""
    setattr(handler, _PUBLIC, True)
    return handler


def is_public(handler: object) -> bool:
    """Whether the handler carries the mark."""
    return bool(getattr(handler, _PUBLIC, False))


def needs(scope: str, handler: Handler) -> Handler:
    """Mark a handler that needs another scope than its method says."""
    setattr(handler, _SCOPE, scope)
    return handler


def scope_of(handler: object, method: str) -> str:
    """The scope that a request needs: as marked, else "read" to look and "write" to change."""
    by_method = "read" if method in ("GET", "HEAD", "OPTIONS") else "write"
    return str(getattr(handler, _SCOPE, by_method))


def who(request: web.Request) -> Principal:
    """Who asks. Raises `Unauthorized` in a public handler when nobody is signed in."""
    if WHO in request:
        return request[WHO]
    raise Unauthorized("Nobody is signed in: sign in first.")


def csrf(request: web.Request) -> str:
    """The token that forms (field ``csrf``) and scripts (header X-CSRF-Token) of this session must send back.

    Empty when the request has no session. Derived from the session's secret, so nothing is stored.
    """
    secret = request.get(SESSION, "")
    return hmac.digest(secret.encode(), b"codeforge csrf", hashlib.sha256).hex() if secret else ""


def failure(request: web.Request) -> Failure:
    """For the error page's handler: what went wrong. A 404 when somebody opens that page by its own address."""
    return request.get(FAILURE) or Failure(404, "There is no such page.")
