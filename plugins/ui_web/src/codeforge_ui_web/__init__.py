"""CodeForge's pages: server-rendered, with htmx and a few small elements of their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from codeforge import hookimpl

if TYPE_CHECKING:
    from aiohttp import web

__version__ = "0.1.0"


@hookimpl
def register_routes() -> Iterable[web.RouteDef]:
    """All pages, and the files that they load."""
    from codeforge_ui_web.pages import routes

    return routes()
