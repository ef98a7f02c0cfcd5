"""Puts the HTTP floor together: middlewares, the API, the stream, signing in, and the plugins' routes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiohttp import web

from codeforge.forge import Forge
from codeforge.http import auth, metrics, openapi, signin, stream, workers
from codeforge.http.auth import let_in
from codeforge.http.context import CLOSING, FORGE
from codeforge.http.resources import OPERATIONS
from codeforge.http.security import add_headers, answer_errors

LARGEST_BODY = 2 * 2**20


def make_app(forge: Forge, routes: Iterable[web.AbstractRouteDef] = ()) -> web.Application:
    """The application: CodeForge's own routes first, then the plugins'."""
    app = web.Application(middlewares=[metrics.measured, answer_errors, let_in], client_max_size=LARGEST_BODY)
    app[FORGE], app[CLOSING], app[signin.FAILURES] = forge, asyncio.Event(), signin.Failures()
    app[auth.AGAIN] = {}
    app.on_response_prepare.append(add_headers)
    app.on_shutdown.append(_close_streams)
    app.add_routes([operation.route() for operation in OPERATIONS])
    app.add_routes([*openapi.routes(OPERATIONS), *stream.ROUTES, *signin.ROUTES, *workers.ROUTES, *metrics.ROUTES])
    app.add_routes(routes)
    return app


async def _close_streams(app: web.Application) -> None:
    app[CLOSING].set()
