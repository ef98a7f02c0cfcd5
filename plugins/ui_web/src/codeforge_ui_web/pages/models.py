"""Models with their windows and prices, and the providers they come from, as they are doing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from codeforge import Model
from codeforge.forge.provider_health import ProviderHealth
from codeforge.http import FORGE, who
from codeforge_ui_web.render import render

MANY, SOME = 0.5, 0.05
"""The shares of failed calls from which a provider is said to fail, and to fail at times."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A provider as pages have it: without its key."""

    name: str
    kind: str
    label: str
    base_url: str
    has_key: bool
    found: str
    settings: dict[str, Any]
    health: ProviderHealth
    state: str
    tone: str


async def shown(request: web.Request) -> list[Shown]:
    """The providers that were added, then those that were found."""
    forge, person = request.app[FORGE], who(request)
    kinds, health = forge.providers.kinds(), await forge.provider_health.list(person.tenant_id)
    found = []
    for one in await forge.providers.all(person.tenant_id):
        doing = health.get(one.name) or ProviderHealth()
        state, tone = _state(doing)
        facts = {"name": one.name, "kind": one.kind, "base_url": one.base_url, "found": one.found}
        label = kinds[one.kind].label if one.kind in kinds else one.kind
        has_key, settings = bool(one.secret), one.settings
        found.append(
            Shown(**facts, label=label, has_key=has_key, settings=settings, health=doing, state=state, tone=tone)
        )
    return found


def _state(health: ProviderHealth) -> tuple[str, str]:
    """How a provider is doing, as a word and its colour."""
    if health.errors is None:
        return "Not used lately", ""
    if health.errors >= MANY:
        return "Fails", "bad"
    return ("Fails at times", "wait") if health.errors >= SOME else ("Answers", "good")


async def models_of(request: web.Request, provider: str = "") -> list[Model]:
    """All models, or those of one provider; no aliases."""
    forge, person = request.app[FORGE], who(request)
    aliases = await forge.aliases.list(person.tenant_id)
    found = [model for model in await forge.models.list(person) if model.name not in aliases]
    return [model for model in found if provider in ("", model.provider)]


async def page(request: web.Request) -> web.Response:
    kinds = list(request.app[FORGE].providers.kinds().values())
    return render(request, "models.html", models=await models_of(request), providers=await shown(request), kinds=kinds)


def routes() -> list[web.RouteDef]:
    return [web.get("/models", page)]
