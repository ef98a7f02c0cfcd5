"""How many runs of a tenant may go on at once: in all, by agent and by provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from codeforge.errors import Invalid
from codeforge.model import Principal
from codeforge.scheduler import Caps
from codeforge.scheduler.heads import caps_of
from codeforge.store import Door
from codeforge.store import tables as t

if TYPE_CHECKING:
    from codeforge.forge import Forge

MOST = 1_000_000


class TenantLimits:
    """The tenant's limits. They hold back what waits; what is under way goes on."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    async def get(self, who: Principal) -> Caps:
        """The limits; what is not named is free."""
        return await self._forge.store.read(None, lambda door: caps_of(_row(door, who)["limits"]))

    async def edit(self, who: Principal, **changes: Any) -> Caps:
        """Change ``runs`` (None: no limit), or single names in ``agents`` and ``providers`` (None takes one away)."""

        def work(door: Door) -> Caps:
            kept = caps_of(_row(door, who)["limits"])
            limits = {
                "runs": _number(changes.get("runs", kept.runs), "runs"),
                "agents": _merged(kept.agents, changes.get("agents"), "agents"),
                "providers": _merged(kept.providers, changes.get("providers"), "providers"),
            }
            given = {name: value for name, value in limits.items() if value not in (None, {})}
            door.update(t.Tenant, t.Tenant.id == who.tenant_id, limits=given)
            return caps_of(given)

        return await self._forge.store.run(None, work)


def _row(door: Door, who: Principal) -> dict[str, Any]:
    return door.one(t.Tenant, t.Tenant.id == who.tenant_id) or {"limits": {}}


def _merged(kept: Mapping[str, int], changes: Mapping[str, int | None] | None, field: str) -> dict[str, int]:
    merged = {**kept, **{name: _number(number, f"{field}.{name}") for name, number in (changes or {}).items()}}
    return {name: number for name, number in merged.items() if number is not None}


def _number(number: int | None, field: str) -> int | None:
    if number is not None and not 0 <= number <= MOST:
        raise Invalid(f"A limit is a number of runs from 0 to {MOST:,}, or null for none.", field=field)
    return number
