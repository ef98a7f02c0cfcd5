"""Model calls, as the gateway counted them: one row each, added up for runs, projects and tenants."""

from __future__ import annotations

from typing import Any

from codeforge.errors import NotFound
from codeforge.forge.settling import Settling
from codeforge.ids import new_id
from codeforge.model import Principal, Usage
from codeforge.store import Case, Door, Expression, fn
from codeforge.store import tables as t

_ADDED = ("prompt_tokens", "completion_tokens", "cached_tokens", "written_tokens", "reasoning_tokens")
_SETTLED = t.Call.state == "settled"


def _sum(value: Any) -> Any:
    return fn.COALESCE(fn.SUM(value), 0)


def _of_settled(value: Any) -> Any:
    return _sum(Case(None, [(_SETTLED, value)], 0))


def _sums() -> list[Any]:
    c = t.Call
    return [
        _of_settled(1).alias("calls"),
        *(_of_settled(getattr(c, name)).alias(name) for name in _ADDED),
        _sum(c.cost_micro).alias("priced_micro"),
        fn.COUNT(c.cost_micro).alias("priced"),
        _sum(Case(None, [(c.state == "open", c.held_micro)], 0)).alias("held_micro"),
    ]


def _usage(row: dict[str, Any]) -> Usage:
    unpriced = row["calls"] - row["priced"]
    figures = {name: row[name] for name in ("calls", *_ADDED, "priced_micro", "held_micro")}
    return Usage(**figures, unpriced=unpriced, cost_micro=None if unpriced else row["priced_micro"])


def usage_of(door: Door, *where: Expression) -> Usage:
    """The sum over matching calls; its cost is None as soon as one call is unpriced."""
    return _usage(door.rows(door.query(t.Call, *where).select(*_sums()))[0])


class Calls(Settling):
    """The record of model calls."""

    async def record(
        self,
        tenant_id: str,
        *,
        provider: str,
        model: str,
        status: int,
        streamed: bool,
        milliseconds: int,
        counted: str,
        prompt_tokens: int = 0,
        completion_tokens: int = 0,
        cached_tokens: int = 0,
        cost_micro: int | None = None,
        run_id: str | None = None,
        project_id: str | None = None,
        replayed: bool = False,
        error: str = "",
        route: str = "",
    ) -> str:
        """Write a call down that is over, for which nothing was reserved; gives its id.

        ``counted`` says whose figures: reported, counted or unpriced.
        """
        values = {name: value for name, value in locals().items() if name not in ("self", "tenant_id")}
        call_id = new_id()

        def work(door: Door) -> None:
            row = {"id": call_id, "created_at": door.now(), **values}
            door.insert(t.Call, **row)
            self._settled(door, {**row, "cost_micro": None}, {"cost_micro": cost_micro})

        self._forge.metrics.call(
            provider,
            status,
            seconds=milliseconds / 1000,
            prompt=prompt_tokens,
            completion=completion_tokens,
            cached=cached_tokens,
            cost_micro=cost_micro,
        )
        await self._forge.store.run(tenant_id, work)
        return call_id

    async def of_run(self, who: Principal, run_id: str) -> list[dict[str, Any]]:
        """A run's calls, oldest first, as rows of the table ``Call``."""
        return await self._forge.store.read(who.tenant_id, lambda d: d.all(t.Call, t.Call.run_id == run_id))

    async def get(self, who: Principal, call_id: str) -> dict[str, Any]:
        """One call, as a row of the table ``Call``. Raises `NotFound`."""
        row = await self._forge.store.read(who.tenant_id, lambda door: door.one(t.Call, t.Call.id == call_id))
        if row is None:
            raise NotFound(f"There is no call {call_id}.")
        return row

    async def used(self, who: Principal, run_id: str) -> Usage:
        """What a run's calls used so far."""
        return await self._forge.store.read(who.tenant_id, usage_of, t.Call.run_id == run_id)

    async def total(self, who: Principal) -> Usage:
        """What the whole tenant used so far."""
        return await self._forge.store.read(who.tenant_id, usage_of)

    async def by(self, who: Principal, column: str) -> dict[str, Usage]:
        """Use by "model", "provider" or "project_id"."""
        field = {"model": t.Call.model, "provider": t.Call.provider, "project_id": t.Call.project_id}[column]

        def work(door: Door) -> dict[str, Usage]:
            found = door.rows(door.query(t.Call).select(field.alias("name"), *_sums()).group_by(field))
            return {row["name"] or "": _usage(row) for row in found}

        return await self._forge.store.read(who.tenant_id, work)
