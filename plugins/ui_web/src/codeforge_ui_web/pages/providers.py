"""One provider: what its kind asks for, tested by a real call before it is kept. Keys go in here and never come out."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from codeforge import Invalid, NotFound
from codeforge.http import FORGE, who
from codeforge.http.context import needs
from codeforge.llm import ProviderKind
from codeforge_ui_web.forms import by_script, fields, go
from codeforge_ui_web.pages.models import models_of, shown
from codeforge_ui_web.render import render

OWN = ("base_url", "key")
"""Fields of a kind that are a provider's own; all others are its settings."""


def _kind(request: web.Request, name: str) -> ProviderKind:
    """The kind of that name. Raises `Invalid`."""
    kinds = request.app[FORGE].providers.kinds()
    if kind := kinds.get(name):
        return kind
    raise Invalid(f"There is no kind {name[:80]} of providers; there is {', '.join(kinds) or 'none'}.", field="kind")


async def new(request: web.Request) -> web.Response:
    """The form of a kind, empty."""
    kind = _kind(request, request.query.get("kind", ""))
    return render(request, "provider.html", kind=kind, provider=None, values={}, models=[], tested=None)


async def one(request: web.Request) -> web.Response:
    return render(request, "provider.html", tested=None, **await _one(request))


async def _one(request: web.Request) -> dict[str, Any]:
    """A provider, with its form filled in but for its key; None for a kind that is gone. Raises `NotFound`."""
    name = request.match_info["name"]
    provider = next((provider for provider in await shown(request) if provider.name == name), None)
    if provider is None:
        raise NotFound(f"There is no provider {name}.")
    values = {field: _text(value) for field, value in provider.settings.items()} | {"base_url": provider.base_url}
    kind = request.app[FORGE].providers.kinds().get(provider.kind)
    return {"kind": kind, "provider": provider, "values": values, "models": await models_of(request, name)}


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


async def save(request: web.Request) -> web.Response:
    """Add a provider or change it; an empty key field keeps the key there is. It is asked first unless told not to."""
    forge, person, given = request.app[FORGE], who(request), await fields(request)
    name, kind = given.get("name", "").strip(), _kind(request, given.get("kind", ""))
    there_is = {provider.name: provider for provider in await forge.providers.list(person.tenant_id)}
    settings = dict(there_is[name].settings) if name in there_is else {}  # prices and the like have no field here
    for field in kind.fields:
        if field.name in OWN:
            continue
        settings.pop(field.name, None)
        if text := given.get(field.name, "").strip():
            many = [part.strip() for part in text.replace("\n", ",").split(",") if part.strip()]
            settings[field.name] = many if field.many else text
    await forge.providers.set(
        person,
        name,
        kind.name,
        base_url=given.get("base_url", "").strip(),
        secret=given.get("key", "").strip() or None,
        settings=settings,
        test=given.get("test") != "no",
    )
    return go(request, f"/models/providers/{name}")


async def test(request: web.Request) -> web.Response:
    """Ask the provider by a real call, now."""
    tested = await request.app[FORGE].providers.test(who(request), request.match_info["name"])
    if by_script(request):
        return render(request, "_tested.html", tested=tested)
    return render(request, "provider.html", tested=tested, **await _one(request))


async def remove(request: web.Request) -> web.Response:
    await request.app[FORGE].providers.remove(who(request), request.match_info["name"])
    return go(request, "/models")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/models/new", new),
        web.post("/models/providers", needs("admin", save)),
        web.get("/models/providers/{name}", one),
        web.post("/models/providers/{name}/test", needs("admin", test)),
        web.post("/models/providers/{name}/remove", needs("admin", remove)),
    ]
