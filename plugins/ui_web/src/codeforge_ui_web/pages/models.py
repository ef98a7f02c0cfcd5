"""Models and their prices; providers, whose keys go in here and are never shown again."""

from __future__ import annotations

from aiohttp import web

from codeforge.http import FORGE, who
from codeforge.http.context import needs
from codeforge_ui_web.forms import fields, go
from codeforge_ui_web.render import render

KINDS = ("openai", "anthropic", "gemini", "ollama", "openai-compatible")
"""Suggestions: which kinds there are is the business of the plugins that serve models."""


async def page(request: web.Request) -> web.Response:
    forge, person = request.app[FORGE], who(request)
    providers = [
        {"name": p.name, "kind": p.kind, "base_url": p.base_url, "key": bool(p.secret)}
        for p in await forge.providers.list(person.tenant_id)
    ]
    aliases = await forge.aliases.list(person.tenant_id)
    models = [model for model in await forge.models.list(person) if model.name not in aliases]
    return render(request, "models.html", models=models, providers=providers, kinds=KINDS)


async def set_provider(request: web.Request) -> web.Response:
    """Add a provider or change it; an empty key field keeps the key there is."""
    given = await fields(request)
    await request.app[FORGE].providers.set(
        who(request),
        given.get("name", "").strip(),
        given.get("kind", "").strip(),
        base_url=given.get("base_url", "").strip(),
        secret=given.get("key", "").strip() or None,
    )
    return go(request, "/models")


async def remove_provider(request: web.Request) -> web.Response:
    await request.app[FORGE].providers.remove(who(request), request.match_info["name"])
    return go(request, "/models")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/models", page),
        web.post("/models/providers", needs("admin", set_provider)),
        web.post("/models/providers/{name}/remove", needs("admin", remove_provider)),
    ]
