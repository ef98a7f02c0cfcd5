"""Prices: what counts for each model now, where it is from, how it was before; said and taken back here."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from codeforge import Invalid
from codeforge.forge.prices import ALL, PERSON, PriceVersion
from codeforge.http import FORGE, who
from codeforge.http.context import needs
from codeforge.llm import Price
from codeforge_ui_web.forms import fields, go, micro, micro_or_none
from codeforge_ui_web.render import render

SOURCES = {"map": "the map of known prices", "provider": "the provider's list", "settings": "the provider's settings"}


@dataclass(frozen=True, slots=True)
class Priced:
    """A model with the price that counts now, and the versions that there were, the newest first."""

    now: PriceVersion
    versions: tuple[PriceVersion, ...]

    @property
    def name(self) -> str:
        """As people write it; "*" stands for all models of the provider."""
        return f"{self.now.provider}/{self.now.model}"

    @property
    def said(self) -> bool:
        """Whether a person's word counts, which can be taken back."""
        return self.now.source == PERSON


def source(version: PriceVersion) -> str:
    """Where a price is from, in words."""
    return f"said by {version.made_by}" if version.source == PERSON else SOURCES.get(version.source, version.source)


async def page(request: web.Request) -> web.Response:
    forge, person = request.app[FORGE], who(request)
    every = await forge.prices.versions(person, history=True)
    found = [
        Priced(now, tuple(v for v in reversed(every) if (v.provider, v.model) == (now.provider, now.model)))
        for now in await forge.prices.versions(person)
    ]
    models = [m for m in await forge.models.list(person) if m.name.startswith(f"{m.provider}/")]
    names = [m.name for m in models if m.provider != "replay"]
    names += [f"{provider}/{ALL}" for provider in sorted({m.provider for m in models} - {"replay"})]
    asked = request.query.get("model", "")
    return render(request, "prices.html", prices=found, names=names, asked=asked, source=source)


async def save(request: web.Request) -> web.Response:
    """Say what a model costs, for calls from now on."""
    given = await fields(request)
    provider, _, model = given.get("model", "").strip().partition("/")
    price = Price(
        input=micro(given, "input", "The price"),
        output=micro(given, "output", "The price"),
        cached=micro_or_none(given, "cached", "The price"),
        written=micro_or_none(given, "written", "The price"),
        reasoning=micro_or_none(given, "reasoning", "The price"),
    )
    if not provider or not model:
        raise Invalid(f"Name a model as provider/model, or provider/{ALL} for all of its models.", field="model")
    await request.app[FORGE].prices.set(who(request), provider, model, price)
    return go(request, "/models/prices")


async def forget(request: web.Request) -> web.Response:
    provider, _, model = (await fields(request)).get("model", "").partition("/")
    await request.app[FORGE].prices.forget(who(request), provider, model)
    return go(request, "/models/prices")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/models/prices", page),
        web.post("/models/prices", needs("admin", save)),
        web.post("/models/prices/forget", needs("admin", forget)),
    ]
