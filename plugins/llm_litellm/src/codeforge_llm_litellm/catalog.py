"""The models there are, from providers, aliases and cassettes; and what each name stands for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from codeforge import Forge, Llm, Model, Route
from codeforge_llm_litellm.call import Plan, Stop, Target
from codeforge_llm_litellm.cassettes import shelf
from codeforge_llm_litellm.discovery import Found, described
from codeforge_llm_litellm.kinds import KINDS
from codeforge_llm_litellm.lately import Lately
from codeforge_llm_litellm.listing import Listing
from codeforge_llm_litellm.machine import Machine
from codeforge_llm_litellm.prices import FREE, of_model
from codeforge_llm_litellm.providers import Source, from_environment
from codeforge_llm_litellm.routing.unfold import Leg, unfold
from codeforge_llm_litellm.trouble import Trouble

if TYPE_CHECKING:
    from aiohttp import ClientSession

SCRIPTED = "scripted: answers from a cassette, no model is called and nothing is paid"


class Catalog:
    """Names models "provider/model", "replay/cassette" and "record/cassette", and knows aliases."""

    def __init__(
        self, forge: Forge, session: Callable[[], ClientSession], environ: Mapping[str, str] = os.environ
    ) -> None:
        self._forge, self._session = forge, session
        self._environment = from_environment(environ)
        self._machine = Machine(session) if forge.settings.find_local_models else None
        self._shelf = forge.settings.data_dir / "cassettes"
        self.listings: dict[tuple[str, str], Listing] = {}
        self._lately = Lately(lambda: forge.models.changes)

    async def sources(self, tenant_id: str) -> dict[str, Source]:
        """The tenant's providers by name; a stored one hides one of the environment, and both one of this machine."""
        stored = [Source.of(provider) for provider in await self._forge.providers.list(tenant_id)]
        found = {source.name: source for source in [*self._environment, *stored]}
        if self._machine:
            taken = {source.base for source in found.values() if source.kind in KINDS}
            for source in await self._machine.sources():
                if source.base not in taken:
                    found.setdefault(source.name, source)
        for place in [place for place in self.listings if place[0] == tenant_id and place[1] not in found]:
            del self.listings[place]
        return found

    async def models(self, tenant_id: str) -> list[Model]:
        """All models, real ones first, then cassettes."""
        sources = [s for s in (await self.sources(tenant_id)).values() if s.kind in KINDS]
        listings = [self._listing(tenant_id, source) for source in sources]
        found = await asyncio.gather(*(listing.get(self._session) for listing in listings))
        real = [_model(s, one) for s, heard in zip(sources, found, strict=True) for one in heard]
        scripted = [_scripted(name) for name in shelf.names(self._shelf)]
        recorded = [
            Model(
                name=f"record/{name}",
                provider="record",
                note=f"{target}, and every exchange is kept in the cassette {name}",
            )
            for name, target in shelf.recording(self._shelf).items()
        ]
        return [*real, *scripted, *recorded]

    def _listing(self, tenant_id: str, source: Source) -> Listing:
        place = (tenant_id, source.name)
        if place not in self.listings or self.listings[place].source != source:
            self.listings[place] = Listing(source)
        return self.listings[place]

    async def plan(self, tenant_id: str, project_id: str, name: str) -> Plan:
        """Where calls of the model or alias ``name`` may go, in a project. Raises `Trouble` when there is nowhere."""
        routes: Mapping[str, Route] = {}
        if "/" not in name:
            asked = partial(self._forge.aliases.routes, tenant_id, project_id)
            routes = await self._lately.get(("routes", tenant_id, project_id), asked)
        sources = await self._lately.get(("sources", tenant_id), partial(self.sources, tenant_id))
        found = await asyncio.gather(*(self._stop(tenant_id, sources, leg) for leg in unfold(routes, name)))
        stops = tuple(stop for stop in found if stop)
        if not stops:
            raise Trouble(404, "model_not_found", f"There is no model {name}: its provider, alias or cassette is gone.")
        fall_back_on = routes[name].fall_back_on if name in routes else frozenset()
        return Plan(name=name, stops=stops, fall_back_on=fall_back_on)

    async def _stop(self, tenant_id: str, sources: Mapping[str, Source], leg: Leg) -> Stop | None:
        provider, _, model = leg.model.partition("/")
        if provider == "replay" and model in shelf.names(self._shelf):
            target = Target(name=leg.model, provider=provider, model=model, replay=self._shelf / model, prices=FREE)
            return Stop(target=target, weight=leg.weight)
        record = None
        if provider == "record" and (real := shelf.recording(self._shelf).get(model)):
            record = self._shelf / model
            provider, _, model = real.partition("/")
        source = sources.get(provider)
        if not source or source.kind not in KINDS or not model:
            return await self._offered(tenant_id, leg)
        heard = {one.name: one for one in await self._listing(tenant_id, source).get(self._session)}
        facts = (heard.get(model) or described(source, model, {})).facts
        target = Target(
            name=leg.model,
            provider=provider,
            model=model,
            source=source.hurried(leg.first_seconds) if leg.first_seconds else source,
            record=record,
            prices=facts.prices,
            max_output=facts.max_output,
        )
        return Stop(target=target, weight=leg.weight, window=facts.window)

    async def _offered(self, tenant_id: str, leg: Leg) -> Stop | None:
        """A model of another plugin that answers calls itself."""
        for llm in self._forge.offers.llms.values():
            if type(llm).answer is not Llm.answer:
                for model in await llm.models(tenant_id):
                    if model.name == leg.model:
                        own = model.name.removeprefix(f"{model.provider}/")
                        target = Target(
                            name=model.name, provider=model.provider, model=own, llm=llm, prices=of_model(model)
                        )
                        return Stop(target=target, weight=leg.weight, window=model.window)
        return None

    async def close(self) -> None:
        """Stop asking providers."""
        for listing in self.listings.values():
            await listing.close()
        if self._machine:
            await self._machine.close()


def _model(source: Source, found: Found) -> Model:
    price = found.facts.prices[0] if found.facts.prices else None
    return Model(
        name=f"{source.name}/{found.name}",
        provider=source.name,
        window=found.facts.window,
        max_output=found.facts.max_output,
        input_price=price.input if price else None,
        output_price=price.output if price else None,
    )


def _scripted(cassette: str) -> Model:
    return Model(name=f"replay/{cassette}", provider="replay", input_price=0, output_price=0, note=SCRIPTED)
