"""Budgets: what model calls may cost, how much of it is spent; set, raised and removed here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from codeforge import CodeForgeError, Run
from codeforge.http import FORGE, who
from codeforge.http.context import needs
from codeforge.model import Budget
from codeforge_ui_web.charts import Gauge, gauge
from codeforge_ui_web.forms import fields, go, micro
from codeforge_ui_web.render import render

PERIODS = {"day": "a day", "month": "a month", "total": "in all"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A budget with the words for what it is of, and its bar."""

    budget: Budget
    name: str
    href: str
    gauge: Gauge


async def shown(request: web.Request, *, run: Run | None = None, project_id: str = "") -> list[Shown]:
    """All budgets but those of single runs; those of one ``run``; or with ``project_id`` those that hold there."""
    forge, person = request.app[FORGE], who(request)
    found = await forge.budgets.list(person, run_id=run.id if run else "")
    if project_id:
        found = [one for one in found if one.scope in ("tenant", "provider") or one.scope_id == project_id]
    places = {project.id: project.name for project in await forge.projects.list(person)}
    made = [Shown(one, *(await _named(request, one, places)), gauge(one)) for one in found]
    return sorted(made, key=lambda one: (-one.gauge.share, one.name))


async def _named(request: web.Request, budget: Budget, places: dict[str, str]) -> tuple[str, str]:
    """What a budget is of, in words, and the address of that."""
    scope, of = budget.scope, budget.scope_id
    if scope == "tenant":
        return "All projects", ""
    if scope == "project":
        return f"Project {places.get(of, 'that was removed')}", f"/projects/{of}" if of in places else ""
    if scope == "provider":
        return f"Provider {of}", ""
    if scope == "run":
        return "This run", f"/runs/{of}"
    try:
        return f"Task {(await request.app[FORGE].tasks.get(who(request), of)).title}", f"/tasks/{of}"
    except CodeForgeError:
        return "A task that was removed", ""


async def page(request: web.Request) -> web.Response:
    forge, person = request.app[FORGE], who(request)
    projects, models = await forge.projects.list(person), await forge.models.list(person)
    providers = sorted({model.provider for model in models} - {"replay"})
    places = [("tenant:", "All projects")]
    places += [(f"project:{project.id}", f"Project {project.name}") for project in projects]
    places += [(f"provider:{name}", f"Provider {name}") for name in providers]
    facts: dict[str, Any] = {"places": places, "periods": PERIODS, "zone": forge.settings.time_zone}
    return render(request, "budgets.html", budgets=await shown(request), **facts)


async def save(request: web.Request) -> web.Response:
    given = await fields(request)
    scope, _, of = given.get("of", "").partition(":")
    limit = micro(given, "limit", "The limit")
    await request.app[FORGE].budgets.set(who(request), scope, of, given.get("period", ""), limit)
    return go(request, "/costs/budgets")


async def remove(request: web.Request) -> web.Response:
    await request.app[FORGE].budgets.remove(who(request), request.match_info["id"])
    return go(request, "/costs/budgets")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/costs/budgets", page),
        web.post("/costs/budgets", needs("admin", save)),
        web.post("/costs/budgets/{id}/remove", needs("admin", remove)),
    ]
