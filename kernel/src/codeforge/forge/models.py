"""Models, and the providers they come from."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from codeforge.errors import Invalid, NotFound
from codeforge.forge.aliases import reached
from codeforge.forge.rows import Row
from codeforge.ids import new_id
from codeforge.llm import Model
from codeforge.model import Principal
from codeforge.store import Door
from codeforge.store import tables as t

if TYPE_CHECKING:
    from codeforge.forge import Forge

log = logging.getLogger(__name__)
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """Where models come from. ``secret`` is for the gateway alone and never leaves it."""

    id: str
    name: str
    kind: str
    base_url: str
    secret: str | None = field(default=None, repr=False)
    settings: dict[str, Any] = field(default_factory=dict)


class Models:
    """What people can choose, asked of every installed source of models."""

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
        raise NotFound(f"There is no model {name}; there is {_some(models, ', ')}.", field="model")


def _some(models: Sequence[Model], between: str) -> str:
    return between.join(model.name for model in models[:8]) + (", ..." if len(models) > 8 else "")


class Providers:
    """The tenant's providers; their keys go in, and come out for the gateway only."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    async def list(self, tenant_id: str) -> list[Provider]:
        """All providers, with their secrets: for the gateway. Never hand this to a page."""
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

    async def set(
        self,
        who: Principal,
        name: str,
        kind: str,
        *,
        base_url: str = "",
        secret: str | None = None,
        settings: dict[str, Any] | None = None,
    ) -> Provider:
        """Add a provider or change it; a ``secret`` of None keeps the one there is. Raises `Invalid`."""
        if not NAME.fullmatch(name):
            raise Invalid("A provider's name is of a-z, 0-9, '.', '_' and '-', like openai or my-ollama.", field="name")
        if base_url and not _is_address(base_url):
            raise Invalid(
                f"{base_url} is no address of a provider: give http(s)://host/v1, without a user.", field="base_url"
            )
        if secret is not None and (not secret.isascii() or not secret.isprintable() or secret != secret.strip()):
            raise Invalid("The key holds spaces or characters that no key has: copy it again.", field="key")

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
        return self._provider(row)

    async def remove(self, who: Principal, name: str) -> None:
        """Forget a provider and its key. Raises `NotFound`."""
        if not await self._forge.store.run(who.tenant_id, lambda d: d.delete(t.Provider, t.Provider.name == name)):
            raise NotFound(f"There is no provider {name}.")
        await self._forge.forget_secrets(who.tenant_id)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is none
    except ValueError:
        return False
    plain = url.isprintable() and " " not in url  # urlsplit itself leaves line ends out
    return plain and parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
