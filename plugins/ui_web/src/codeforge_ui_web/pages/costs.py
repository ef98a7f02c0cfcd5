"""Costs: what model calls cost, in all and in parts, as a table and a chart, between two dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web

from codeforge import Invalid
from codeforge.forge.costs import GROUPINGS, Cost, total
from codeforge.http import FORGE, who
from codeforge_ui_web.charts import bars
from codeforge_ui_web.pages.budgets import PERIODS, shown
from codeforge_ui_web.render import render
from codeforge_ui_web.words import dollars

SPANS = ((7, "7 days"), (30, "30 days"), (90, "90 days"), (0, "All time"))
"""Days back from today, and their words."""
USUAL = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What the page is asked to add up; a date that is None is the first or the last there is."""

    by: str
    since: date | None
    until: date | None
    project: str

    def query(self, **other: Any) -> str:
        """The address of this, or of something ``other``, without its path."""
        given = {name: getattr(self, name) for name in ("by", "since", "until", "project")} | other
        return urlencode({name: "" if value is None else value for name, value in given.items()})


async def page(request: web.Request) -> web.Response:
    forge, person, asked = request.app[FORGE], who(request), _asked(request)
    costs = await forge.costs.by(person, asked.by, since=asked.since, until=asked.until, project_id=asked.project)
    return render(
        request,
        "costs.html",
        asked=asked,
        groupings=GROUPINGS,
        spans=_spans(request, asked),
        zone=forge.settings.time_zone,
        budgets=await shown(request, project_id=asked.project),
        periods=PERIODS,
        projects=await forge.projects.list(person),
        total=total(costs),
        costs=_shown(costs, asked.by),
        bars=bars(costs),
        most=dollars(max([cost.cost_micro or 0 for cost in costs], default=0)),
        csv=f"/api/v1/costs?{_csv(asked)}",
    )


def _asked(request: web.Request) -> Asked:
    """What the address asks for; the last thirty days by day where it says nothing."""
    given, usual = request.query, _today(request) - timedelta(days=USUAL - 1)
    return Asked(
        by=given.get("by", "day"),
        since=_date(given["since"], "since") if "since" in given else usual,
        until=_date(given.get("until", ""), "until"),
        project=given.get("project", ""),
    )


def _date(text: str, field: str) -> date | None:
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = date.min
    if not 1970 < found.year < 3000:
        raise Invalid(f"{text[:40]} is no day: give one such as 2026-11-30.", field=field)
    return found


def _spans(request: web.Request, asked: Asked) -> list[tuple[str, str, bool]]:
    """Each span's address and words, and whether it is the one shown."""
    today = _today(request)
    starts = [(today - timedelta(days=days - 1) if days else None, words) for days, words in SPANS]
    same = asked.until is None
    return [(asked.query(since=start, until=None), words, same and asked.since == start) for start, words in starts]


def _shown(costs: list[Cost], by: str) -> list[Cost]:
    """The table's lines: the newest day first, and no day without a call."""
    return [cost for cost in reversed(costs) if cost.calls] if by == "day" else costs


def _csv(asked: Asked) -> str:
    given = {"by": asked.by, "since": asked.since, "until": asked.until, "project": asked.project, "format": "csv"}
    return urlencode({name: value for name, value in given.items() if value})


def _today(request: web.Request) -> date:
    return datetime.now(ZoneInfo(request.app[FORGE].settings.time_zone)).date()


async def moved(request: web.Request) -> web.Response:
    raise web.HTTPMovedPermanently("/costs")


def routes() -> list[web.RouteDef]:
    return [web.get("/costs", page), web.get("/usage", moved)]
