"""Models, and the providers they come from."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from codeforge.errors import DatabaseAway, Invalid, NotFound
from codeforge.forge.aliases import reached
from codeforge.forge.rows import Row
from codeforge.ids import new_id
from codeforge.llm import Model, Provider, ProviderKind
from codeforge.model import Health, Principal
from codeforge.store import Door
from codeforge.store import tables as t

if TYPE_CHECKING:
    from codeforge.forge import Forge

log = logging.getLogger(__name__)
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


class Models:
    """What people can choose, asked of every installed source of models."""

    changes = 0
    """How often providers and aliases were changed here: what is known of them holds until then, and not for long."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    async def list(self, who: Principal, project_id: str = "") -> list[Model]:
        """All models of the tenant, in the order of their sources, and then the aliases, as they count in a project.

        A source that fails has none.
        """
        found: list[Model] = []
        for name, llm in self._forge.offers.llms.items():
            try:
                found += await llm.models(who.tenant_id)
            except DatabaseAway:  # which says nothing about the models there are
                raise
            except Exception:
                log.exception("the models of %s could not be listed", name)
        found = await self._forge.prices.shown(who, found)
        by_name = {model.name: model for model in found}
        view = await self._forge.aliases.routes(who.tenant_id, project_id)
        for name in sorted(view.keys() - by_name):
            if first := next((by_name[one] for one in reached(view, name) if one in by_name), None):
                note = str(view[name]) + (f", {first.note}" if first.note else "")
                found.append(replace(first, name=name, note=note))
        return found

    async def find(self, who: Principal, name: str, project_id: str = "") -> Model:
        """The model of that name, as it counts in a project, or the first one for "".

        A name as the provider calls the model is enough where one provider alone has it. Raises `NotFound` with
        what there is.
        """
        models = await self.list(who, project_id)
        for model in models:
            if name in ("", model.name):
                return model
        if not models:
            raise NotFound(
                "There is no model yet: set OPENAI_API_KEY, ANTHROPIC_API_KEY or OLLAMA_HOST, "
                "or add a provider with `codeforge models add`.",
                field="model",
            )
        fitting = [model for model in models if model.name == f"{model.provider}/{name}"]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise NotFound(f"More than one provider has {name}: say {_some(fitting, ' or ')}.", field="model")
        if near := _near(models, name):
            raise NotFound(f"There is no model {name}: did you mean {' or '.join(near)}?", field="model")
        raise NotFound(f"There is no model {name}; there is {_some(models, ', ')}.", field="model")


def _some(models: Sequence[Model], between: str) -> str:
    return between.join(model.name for model in models[:8]) + (", ..." if len(models) > 8 else "")


def _near(models: Sequence[Model], name: str) -> list[str]:
    """Up to three models whose name, or its provider's name for it, is almost ``name``, whatever stands before it."""
    full = {one.name: one.name for one in models} | {one.name.rpartition("/")[2]: one.name for one in models}
    found = [*get_close_matches(name, full, 3, 0.75), *get_close_matches(name.rpartition("/")[2], full, 3, 0.75)]
    return list(dict.fromkeys(full[one] for one in found))[:3]


class Providers:
    """The tenant's providers; their keys go in, and come out for the gateway only."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    async def all(self, tenant_id: str) -> list[Provider]:
        """The stored providers, then those that sources of models found by themselves; with their secrets."""
        found = {provider.name: provider for provider in await self.list(tenant_id)}
        for name, llm in self._forge.offers.llms.items():
            try:
                for provider in await llm.providers(tenant_id):
                    found.setdefault(provider.name, provider)
            except Exception:
                log.exception("the providers of %s could not be listed", name)
        return list(found.values())

    async def list(self, tenant_id: str) -> list[Provider]:
        """All stored providers, with their secrets: for the gateway. Never hand this to a page."""
        found = await self._forge.store.read(tenant_id, lambda door: door.all(t.Provider))
        return [self._provider(row) for row in found]

    def _provider(self, row: Row) -> Provider:
        secret = self._forge.vault.unlock(row["secret"]) if row["secret"] else None
        return Provider(
            id=row["id"],
            name=row["name"],
            kind=row["kind"],
            base_url=row["base_url"],
            secret=secret,
            settings=row["settings"],
        )

    def kinds(self) -> dict[str, ProviderKind]:
        """The kinds of providers that can be added, by name."""
        return {kind.name: kind for llm in self._forge.offers.llms.values() for kind in llm.kinds()}

    async def set(
        self,
        who: Principal,
        name: str,
        kind: str,
        *,
        base_url: str = "",
        secret: str | None = None,
        settings: dict[str, Any] | None = None,
        test: bool = False,
    ) -> Provider:
        """Add a provider or change it; a ``secret`` of None keeps the one there is.

        With ``test`` it is asked first, and nothing is kept unless it takes its key. Raises `Invalid`.
        """
        if not NAME.fullmatch(name):
            raise Invalid("A provider's name is of a-z, 0-9, '.', '_' and '-', like openai or my-ollama.", field="name")
        if base_url and not _is_address(base_url):
            raise Invalid(
                f"{base_url} is no address of a provider: give http(s)://host/v1, without a user.", field="base_url"
            )
        if secret is not None and (not secret.isascii() or not secret.isprintable() or secret != secret.strip()):
            raise Invalid("The key holds spaces or characters that no key has: copy it again.", field="key")
        if test:
            known = next((one.secret for one in await self.list(who.tenant_id) if one.name == name), None)
            given = known if secret is None else secret
            await self.check(Provider(name=name, kind=kind, base_url=base_url, secret=given, settings=settings or {}))

        def work(door: Door) -> Row:
            values: dict[str, Any] = {"kind": kind, "base_url": base_url, "settings": settings or {}}
            if secret is not None:  # locked here: no other server changes the key meanwhile
                values["secret"] = self._forge.vault.lock(secret) if secret else None
            if not door.update(t.Provider, t.Provider.name == name, **values):
                door.insert(t.Provider, id=new_id(), name=name, created_at=door.now(), **values)
            row = door.one(t.Provider, t.Provider.name == name)
            assert row
            return row

        row = await self._forge.store.run(who.tenant_id, work)
        await self._forge.forget_secrets(who.tenant_id)
        self._forge.models.changes += 1
        return self._provider(row)

    async def check(self, provider: Provider) -> str:
        """Whether a provider has all that its kind needs and takes its key, by a real call; a sentence on it.

        Raises `Invalid`. One of a kind that no source of models knows is not asked.
        """
        for llm in self._forge.offers.llms.values():
            for kind in llm.kinds():
                if kind.name == provider.kind:
                    _complete(provider, kind)
                    return await llm.check(provider)
        if kinds := self.kinds():
            raise Invalid(f"There is no kind {provider.kind} of providers; there is {', '.join(kinds)}.", field="kind")
        return f"{provider.name} was not asked."

    async def test(self, who: Principal, name: str) -> Health:
        """Ask a provider, stored or found, by a real call. Raises `NotFound`."""
        for provider in await self.all(who.tenant_id):
            if provider.name == name:
                try:
                    return Health(name=name, ok=True, detail=await self.check(provider))
                except Invalid as error:
                    return Health(name=name, ok=False, detail=str(error))
        raise NotFound(f"There is no provider {name}.")

    async def remove(self, who: Principal, name: str) -> None:
        """Forget a provider and its key. Raises `NotFound`."""
        if not await self._forge.store.run(who.tenant_id, lambda d: d.delete(t.Provider, t.Provider.name == name)):
            raise NotFound(f"There is no provider {name}.")
        await self._forge.forget_secrets(who.tenant_id)
        self._forge.models.changes += 1


def _complete(provider: Provider, kind: ProviderKind) -> None:
    given = {**provider.settings, "base_url": provider.base_url, "key": provider.secret}
    for one in kind.fields:
        if one.required and not given.get(one.name):
            like = f", such as {one.example}" if one.example else ""
            raise Invalid(f"{kind.label} needs {one.label}{like}: give it.", field=one.name)
        many = given.get(one.name)
        if one.many and many and not (isinstance(many, list) and all(isinstance(name, str) for name in many)):
            raise Invalid(f"{one.label} of {kind.label} is a list of texts.", field="settings")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is none
    except ValueError:
        return False
    plain = url.isprintable() and " " not in url  # urlsplit itself leaves line ends out
    return plain and parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
