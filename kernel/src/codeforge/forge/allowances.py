"""The tenant's budgets as people set and see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codeforge.errors import Invalid, NotFound
from codeforge.forge import budgets, rows
from codeforge.model import Budget, Principal
from codeforge.store import Door
from codeforge.store import tables as t

if TYPE_CHECKING:
    from codeforge.forge import Forge

SCOPES = ("tenant", "project", "task", "run", "provider")
PERIODS = ("day", "month", "total")
MOST = 10**15
"""Micro-dollars: a thousand million dollars."""


class Allowances:
    """What may be spent."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    async def list(self, who: Principal, *, run_id: str = "") -> list[Budget]:
        """All budgets but those of single runs; with ``run_id`` those that hold for that run. Raises `NotFound`."""

        def work(door: Door) -> list[Budget]:
            if not run_id:
                return [self._fact(door, row) for row in door.all(t.Budget, t.Budget.scope != "run")]
            run = door.one(t.Run, t.Run.id == run_id)
            if run is None:
                raise NotFound(f"There is no run {run_id}.")
            found = budgets.followed(door, run["provider"], run["project_id"], run_id)
            return [self._fact(door, row) for row in found]

        if run_id:  # its project's limit may have to become its budget first
            return await self._forge.store.run(who.tenant_id, work)
        return await self._forge.store.read(who.tenant_id, work)

    async def set(self, who: Principal, scope: str, scope_id: str, period: str, limit_micro: int) -> Budget:
        """Make a budget, or change its limit. Raises `Invalid`, and `NotFound` for what there is not."""
        if scope not in SCOPES or period not in PERIODS:
            raise Invalid(f"A budget is of {', '.join(SCOPES)}, per {', '.join(PERIODS)}.", field="scope")
        if not 0 <= limit_micro <= MOST:
            raise Invalid(f"A limit is from 0 to {MOST:,} micro-dollars.", field="limit_micro")
        if (scope == "tenant") == bool(scope_id):
            what = "of all projects names nothing" if scope == "tenant" else f"of a {scope} must name it"
            raise Invalid(f"A budget {what}.", field="scope_id")

        def work(door: Door) -> Budget:
            _known(door, scope, scope_id)
            if scope == "run":  # it has none of its project's limit any more
                door.delete(t.Budget, *_at(scope, scope_id), t.Budget.made_by == budgets.FOLLOWS)
            mine = *_at(scope, scope_id), t.Budget.period == period
            # what was told of the limit before says nothing about this one
            if not door.update(t.Budget, *mine, limit_micro=limit_micro, made_by=who.user, told=0):
                budgets.give(door, scope, scope_id, period=period, limit=limit_micro, made_by=who.user)
            row = door.one(t.Budget, *mine)
            assert row
            budgets.keep(door, row, budgets.span(period, door.now(), self._forge.settings.time_zone)[0])
            return self._fact(door, row)

        return await self._forge.store.run(who.tenant_id, work)

    async def remove(self, who: Principal, budget_id: str) -> None:
        """Take a budget away. Raises `NotFound`."""
        if not await self._forge.store.run(who.tenant_id, lambda d: d.delete(t.Budget, t.Budget.id == budget_id)):
            raise NotFound(f"There is no budget {budget_id}.")

    def _fact(self, door: Door, row: dict[str, Any]) -> Budget:
        since, until = budgets.span(row["period"], door.now(), self._forge.settings.time_zone)
        settled, held = budgets.spent(door, row, since)
        names = ("id", "scope", "scope_id", "period", "limit_micro", "made_by")
        return Budget(
            **{name: row[name] for name in names},
            spent_micro=settled,
            held_micro=held,
            since=rows.moment(since) if since else None,
            until=rows.moment(until) if until else None,
            created_at=rows.moment(row["created_at"]),
        )


def _at(scope: str, scope_id: str) -> tuple[Any, Any]:
    return t.Budget.scope == scope, t.Budget.scope_id == scope_id


def _known(door: Door, scope: str, scope_id: str) -> None:
    tables: dict[str, Any] = {"project": t.Project, "task": t.Task, "run": t.Run}
    if scope in tables and door.one(tables[scope], tables[scope].id == scope_id) is None:
        raise NotFound(f"There is no {scope} {scope_id}.", field="scope_id")
