"""What a run lacks that waits for money: a budget to be raised, or its model's price to be said; then it goes on."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from codeforge import Invalid, Run
from codeforge.http import FORGE, who
from codeforge.http.context import needs
from codeforge.llm import Price
from codeforge_ui_web.forms import by_script, fields, go, micro
from codeforge_ui_web.pages.budgets import Shown, shown
from codeforge_ui_web.words import dollars

MORE = 5
"""A budget is proposed to be raised by one part of so many."""


@dataclass(frozen=True, slots=True)
class Short:
    """A budget that does not allow the next call: the ``least`` limit that does, and one to propose, micro-dollars."""

    shown: Shown
    field: str
    least: int
    proposed: int


@dataclass(frozen=True, slots=True)
class Lacks:
    """The budgets to be raised, or the model whose price is to be said."""

    short: tuple[Short, ...] = ()
    unpriced: str = ""


async def lacking(request: web.Request, run: Run) -> Lacks | None:
    """What a run waits for that a person can give; None for one that does not."""
    wait = run.waiting_for
    if wait is None or wait["why"] != "budget":
        return None
    if wait["needs"] is None:
        return Lacks(unpriced=f"{wait['provider']}/{wait['model']}")
    found = [_short(one, wait["needs"]) for one in await shown(request, run=run)]
    return Lacks(tuple(one for one in found if one.least > one.shown.budget.limit_micro))


def _short(one: Shown, needs: int) -> Short:
    budget = one.budget
    least = budget.spent_micro + budget.held_micro + needs
    proposed = max(least, budget.limit_micro + budget.limit_micro // MORE)
    step = 10_000 if proposed >= 10_000 else 100
    return Short(one, f"limit-{budget.scope}-{budget.period}", least, -(-proposed // step) * step)


async def raised(request: web.Request) -> web.Response:
    """Raise what is short to what the form says, and put the run back into the queue."""
    forge, person, given = request.app[FORGE], who(request), await fields(request)
    run = await forge.runs.get(person, request.match_info["id"])
    lacks = await lacking(request, run)
    for one in lacks.short if lacks else ():
        budget, limit = one.shown.budget, micro(given, one.field, "The limit")
        if limit < one.least:
            raise Invalid(f"That does not do for the next call: give at least {dollars(one.least)}.", field=one.field)
        await forge.budgets.set(person, budget.scope, budget.scope_id, budget.period, limit)
    return await _on(request, run)


async def priced(request: web.Request) -> web.Response:
    """Say what the run's model costs, and put the run back into the queue."""
    forge, person, given = request.app[FORGE], who(request), await fields(request)
    run = await forge.runs.get(person, request.match_info["id"])
    lacks = await lacking(request, run)
    if lacks and lacks.unpriced:
        provider, _, model = lacks.unpriced.partition("/")
        price = Price(input=micro(given, "input", "The price"), output=micro(given, "output", "The price"))
        await forge.prices.set(person, provider, model, price)
    return await _on(request, run)


async def _on(request: web.Request, run: Run) -> web.Response:
    await request.app[FORGE].runs.resume(who(request), run.id)
    return web.Response(status=204) if by_script(request) else go(request, f"/runs/{run.id}")


def routes() -> list[web.RouteDef]:
    return [
        web.post("/runs/{id}/raise", needs("admin", raised)),
        web.post("/runs/{id}/price", needs("admin", priced)),
    ]
