"""The gateway: who may call which model, by which engine, and what is written down afterwards."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from codeforge import Forge, Health, Llm, Model, Provider, ProviderKind, Unauthorized
from codeforge_llm_litellm.call import Call
from codeforge_llm_litellm.cassettes import shelf
from codeforge_llm_litellm.cassettes.fixture import load
from codeforge_llm_litellm.cassettes.keeping import Keeper
from codeforge_llm_litellm.catalog import Catalog
from codeforge_llm_litellm.kinds import offered
from codeforge_llm_litellm.protocols import known
from codeforge_llm_litellm.providers import Source
from codeforge_llm_litellm.routing.rests import Rests
from codeforge_llm_litellm.trouble import Trouble

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from codeforge.forge.keys import RunKey
    from codeforge_llm_litellm.engines import Engine

AT_ONCE = 64
"""Calls that one run may have under way."""


class Gateway(Llm):
    """One for a server. Connections are opened and engines are made when they are first needed."""

    name = "gateway"

    def __init__(self, forge: Forge, environ: Mapping[str, str] = os.environ) -> None:
        self.forge = forge
        self.catalog = Catalog(forge, self.session, environ)
        self.keeper = Keeper(forge)
        self._session: ClientSession | None = None
        self._engines: dict[str, Engine] = {}
        self._under_way: Counter[str] = Counter()
        self.rests = Rests()

    @classmethod
    def of(cls, forge: Forge) -> Gateway:
        """The gateway that was handed over to ``forge``."""
        return next(llm for llm in forge.offers.llms.values() if isinstance(llm, cls))

    async def models(self, tenant_id: str) -> list[Model]:
        return await self.catalog.models(tenant_id)

    def kinds(self) -> list[ProviderKind]:
        return offered()

    async def providers(self, tenant_id: str) -> list[Provider]:
        return [
            Provider(
                name=s.name, kind=s.kind, base_url=s.shown, secret=s.secret, settings=dict(s.settings), found=s.found
            )
            for s in (await self.catalog.sources(tenant_id)).values()
            if s.found
        ]

    async def check(self, provider: Provider) -> str:
        from codeforge_llm_litellm.proof import prove

        return await prove(self, Source.of(provider))

    async def key(self, secret: str) -> RunKey:
        """What a run's key opens. Raises `Trouble`."""
        try:
            return await self.forge.keys.known(secret)
        except Unauthorized as error:
            raise Trouble(401, "invalid_api_key", str(error)) from error

    @contextmanager
    def place(self, key: RunKey) -> Iterator[None]:
        """One of the run's places for a call. Raises `Trouble` when all are taken."""
        if self._under_way[key.run_id] >= AT_ONCE:
            raise Trouble(
                429, "too_many_calls", f"This run has {AT_ONCE} calls under way already: wait for one to end."
            )
        self._under_way[key.run_id] += 1
        try:
            with self.forge.metrics.calling.track_inprogress():
                yield
        finally:
            self._under_way[key.run_id] -= 1
            if not self._under_way[key.run_id]:
                del self._under_way[key.run_id]

    async def admit(
        self, key: RunKey, body: dict[str, Any], *, protocol: str = "chat", head: Mapping[str, str] | None = None
    ) -> Call:
        """Let a call in, with a run's key. Raises `Trouble`; budgets would be checked here (402)."""
        known.protocol(protocol).check(body)
        asked = str(body["model"])
        # agents put "openai/" or "anthropic/" before what they are told; one of a replay is told who once answered
        names = asked, asked.removeprefix("openai/"), asked.removeprefix("anthropic/")
        if not key.model.startswith("replay/") and key.model not in names:
            raise Trouble(403, "model_not_allowed", f"This run's key is good for {key.model}, not for {asked}.")
        plan = await self.catalog.plan(key.tenant_id, key.project_id, key.model)
        return Call(
            tenant_id=key.tenant_id,
            key_id=key.id,
            run_id=key.run_id,
            project_id=key.project_id,
            target=plan.stops[0].target,
            body=body,
            plan=plan,
            protocol=protocol,
            head=head or {},
        )

    def engine(self, call: Call) -> Engine:
        """What answers ``call``."""
        from codeforge_llm_litellm.engines.translated import Translated

        name, translated = known.way(call.target.source, call.protocol)
        if call.target.llm:
            name = "offered"
        if name not in self._engines:
            self._engines[name] = self._made(name)
        return Translated(self._engines[name]) if translated else self._engines[name]

    def _made(self, name: str) -> Engine:
        from codeforge_llm_litellm.engines.litellm import Litellm
        from codeforge_llm_litellm.engines.offered import Offered
        from codeforge_llm_litellm.engines.passthrough import Passthrough
        from codeforge_llm_litellm.engines.replay import Replay

        if name == "offered":
            return Offered()
        if name == "replay":
            return Replay(self.forge)
        return Litellm() if name == "litellm" else Passthrough(self.session)

    def session(self) -> ClientSession:
        """The connections to providers."""
        from urllib.request import getproxies

        from aiohttp import ClientSession, DummyCookieJar, TCPConnector

        if self._session is None or self._session.closed:
            self._session = ClientSession(
                connector=TCPConnector(limit=0),
                cookie_jar=DummyCookieJar(),
                headers={"User-Agent": "codeforge"},
                trust_env=bool(getproxies()),  # it costs each call two looks at files, so only where there is a proxy
            )
        return self._session

    async def secrets(self, tenant_id: str) -> list[str]:
        """All keys of the tenant's providers, for redaction."""
        return [source.secret for source in (await self.catalog.sources(tenant_id)).values() if source.secret]

    def health(self) -> list[Health]:
        """Each provider as it was last heard of, and cassettes that cannot be played."""
        found = []
        for listing in list(self.catalog.listings.values()):
            name, error = f"models of {listing.source.name}", listing.error
            fix = f"Check the address {listing.source.shown} and the key of {listing.source.name}." if error else ""
            found.append(Health(name=name, ok=not error, detail=error or f"{len(listing.found)} models", fix=fix))
        folder = self.forge.settings.data_dir / "cassettes"
        for name in shelf.names(folder):
            try:
                found.append(Health(name=f"cassette {name}", ok=True, detail=f"{len(load(folder / name))} exchanges"))
            except ValueError as error:
                found.append(
                    Health(name=f"cassette {name}", ok=False, detail=str(error), fix="Mend or remove the file.")
                )
        return found

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """For as long as the server lives."""
        try:
            async with self.keeper.open():
                yield
        finally:
            await self.close()

    async def close(self) -> None:
        """End the child process and the connections."""
        await asyncio.gather(*(engine.close() for engine in self._engines.values()))
        self._engines.clear()
        await self.catalog.close()
        if self._session:
            await self._session.close()
            self._session = None
