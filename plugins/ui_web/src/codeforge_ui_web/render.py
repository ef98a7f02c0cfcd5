"""Templates into answers."""

from __future__ import annotations

from functools import cache
from typing import Any

import jinja2
from aiohttp import web

from codeforge.http import FORGE, csrf
from codeforge.http.context import WHO
from codeforge_ui_web.assets import asset
from codeforge_ui_web.words import FILTERS


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("codeforge_ui_web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    environment.globals.update(asset=asset)
    return environment


def html(request: web.Request, name: str, /, **context: Any) -> str:
    """The template's text."""
    known = request.get(WHO)
    user = known.user if known else ""
    down = request.app[FORGE].parts.down
    known_to_all = {"path": request.path, "csrf": csrf(request), "user": user, "down": down}
    text = _environment().get_template(name).render(**known_to_all, **context)
    return text.encode(errors="backslashreplace").decode()  # a file's name may be no UTF-8


def render(request: web.Request, name: str, /, *, status: int = 200, **context: Any) -> web.Response:
    """The template as a page, or as a piece of one."""
    return web.Response(text=html(request, name, **context), content_type="text/html", status=status)
