"""The REST API for readers: the same document that programs get, as a page."""

from __future__ import annotations

from functools import cache
from typing import Any

from aiohttp import web

from codeforge.http.openapi import document
from codeforge.http.resources import OPERATIONS
from codeforge_ui_web.render import render


@cache
def _document() -> dict[str, Any]:
    return document(OPERATIONS)


def _type(schema: dict[str, Any]) -> str:
    """A schema in a few words: "string", "list of Run", "Task or nothing"."""
    if ref := schema.get("$ref"):
        return str(ref).rpartition("/")[2]
    if several := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(_type(one) for one in several)
    if values := schema.get("enum"):
        return " or ".join(f'"{value}"' for value in values)
    if "const" in schema:
        return f'"{schema["const"]}"'
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    name = str(schema.get("type", "anything"))
    return "nothing" if name == "null" else f"{name} ({schema['format']})" if "format" in schema else name


def _shape(content: dict[str, Any]) -> str:
    """What the first content type of a body or an answer holds."""
    first: dict[str, Any] = next(iter(content.get("content", {}).values()), {})
    return _type(first["schema"]) if "schema" in first else ""


async def page(request: web.Request) -> web.Response:
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in _document()["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append({"method": method.upper(), "path": path, **operation})
    return render(request, "api.html", document=_document(), groups=groups, type_of=_type, shape_of=_shape)


def routes() -> list[web.RouteDef]:
    return [web.get("/api", page)]
