"""The life of a model call's cost: reserved before the provider is asked, settled when it is known what was used.

A call whose server died stays reserved until its time is over; then its worst case counts, because nobody knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codeforge.errors import OverBudget
from codeforge.forge import budgets, keys, prices
from codeforge.ids import new_id
from codeforge.llm import Prices, Tokens, cost, worst
from codeforge.store import Door
from codeforge.store import tables as t

if TYPE_CHECKING:
    from codeforge.forge import Forge

Row = dict[str, Any]
DIED = "The server ended in the middle of this call: nobody knows what it used, so its worst case counts."

_TO_SETTLE = """SELECT c.id, c.provider, c.project_id, c.run_id, c.replayed, c.created_at, c.cost_micro,
    p.steps, p.source FROM call c LEFT JOIN price p ON p.id = c.price_id WHERE c.tenant_id = ? AND c.id = ?"""


class Settling:
    """Reserves and settles, each in one transaction that no other server writes beside."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    async def open(
        self,
        tenant_id: str,
        *,
        provider: str,
        model: str,
        known: Prices,
        prompt_tokens: int,
        completion_tokens: int,
        run_id: str | None = None,
        project_id: str | None = None,
        protocol: str = "chat",
        route: str = "",
        streamed: bool = False,
        replayed: bool = False,
        park: bool = True,
        call_id: str = "",
        key_id: str = "",
    ) -> str:
        """Reserve what a call may cost at most, which is about to be made; gives its id, to `settle` it by.

        ``model`` is the provider's own name, ``known`` what its prices are besides what people said; so many tokens it
        has at most. Raises `OverBudget` when a budget does not allow it; with ``park`` its run then waits for that.
        With ``key_id``, raises `Unauthorized` when that run's key is good no more.
        """
        call_id = call_id or new_id()
        facts: Row = {"provider": provider, "run_id": run_id, "project_id": project_id, "protocol": protocol}
        facts |= {"route": route, "streamed": streamed, "replayed": replayed}
        facts |= {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}

        def work(door: Door) -> None:
            if key_id:
                keys.check(door, key_id)
            price_id, needs = (None, 0) if replayed else self._reserved(door, facts, model, known)
            values: Row = {
                "id": call_id,
                "model": f"{provider}/{model}",
                "price_id": price_id,
                "held_micro": needs,
                **facts,
            }
            now = door.now()
            values |= {"state": "open", "created_at": now, "held_until": now + self._forge.settings.hold_seconds}
            values |= {"status": 0, "counted": "estimated", "milliseconds": 0, "tenant_id": tenant_id, "error": ""}
            values |= dict.fromkeys(("cached_tokens", "written_tokens", "reasoning_tokens"), 0)
            door.insert_all(t.Call, [values])

        try:
            await self._forge.store.run(tenant_id, work)
        except OverBudget as error:
            if park and run_id:
                await self._forge.runs.park(run_id, **error.wait)
            raise
        return call_id

    async def settle(
        self,
        tenant_id: str,
        call_id: str,
        used: Tokens,
        *,
        status: int,
        milliseconds: int,
        counted: str = "reported",
        replayed_cost: int | None = None,
        error: str = "",
    ) -> int | None:
        """Say what a call used, and free what was reserved for it; gives its cost (None: nobody knows the price).

        ``counted`` says whose figures: reported (the provider's) or counted (ours). Settled again, the newest word
        counts; a call that was refused is left alone.
        """

        def work(door: Door) -> Row | None:
            row = next(iter(door.sql(_TO_SETTLE, tenant_id, call_id)), None)
            if row is None:
                return None
            micro = cost(prices.read(row["steps"], row["source"]), used)
            if row["replayed"]:
                micro = replayed_cost or 0
            elif not used.prompt and not used.completion:
                micro = 0  # nothing was used, so nothing is owed, whatever the price
            values = {
                "prompt_tokens": used.prompt,
                "completion_tokens": used.completion,
                "cached_tokens": used.cached,
                "written_tokens": used.written,
                "reasoning_tokens": used.reasoning,
                "cost_micro": micro,
                "counted": "unpriced" if micro is None else counted,
                "status": status,
                "milliseconds": milliseconds,
                "error": error,
            }
            self._settled(door, row, values)
            return {"provider": row["provider"], **values}

        row = await self._forge.store.run(tenant_id, work)
        if row is None:
            return None
        self._forge.metrics.call(
            row["provider"],
            status,
            seconds=milliseconds / 1000,
            prompt=used.prompt,
            completion=used.completion,
            cached=used.cached,
            cost_micro=row["cost_micro"],
        )
        return row["cost_micro"]  # type: ignore[no-any-return]

    async def expire(self, *, everything: bool = False) -> None:
        """Settle the calls whose time is over, or ``everything`` that is open, by their worst case."""

        def over(door: Door) -> list[Row]:
            late = () if everything else (t.Call.held_until < door.now(),)
            return door.all(t.Call, t.Call.state == "open", *late)

        def work(door: Door) -> None:
            for row in over(door):
                held = row["held_micro"]
                counted = "unpriced" if held is None else "estimated"
                values = {"cost_micro": held, "counted": counted, "status": 500, "error": DIED}
                self._settled(door.of(row["tenant_id"]), row, values)

        if await self._forge.store.read(None, over):
            await self._forge.store.run(None, work)

    def _reserved(self, door: Door, call: Row, model: str, known: Prices) -> tuple[str | None, int | None]:
        """The version that a call is settled by, and what it costs at most. Raises `OverBudget`."""
        price_id, steps = prices.in_force(door, call["provider"], model, known)
        needs = worst(steps, call["prompt_tokens"], call["completion_tokens"])
        zone, unpriced = self._forge.settings.time_zone, self._forge.settings.unpriced_calls
        found = budgets.followed(door, call["provider"], call["project_id"], call["run_id"])
        budgets.check(door, found, f"{call['provider']}/{model}", needs, zone=zone, unpriced=unpriced)
        return price_id, needs

    def _settled(self, door: Door, row: Row, values: Row) -> None:
        columns = ", ".join(f"{name} = ?" for name in values)
        door.sql(f"UPDATE call SET state = 'settled', {columns} WHERE id = ?", *values.values(), row["id"])  # noqa: S608
        more = (values["cost_micro"] or 0) - (row["cost_micro"] or 0)
        if more and not row["replayed"]:
            found = budgets.of_call(door, row["provider"], row["project_id"], row["run_id"])
            budgets.count(door, found, row, more, self._forge.settings.time_zone)
