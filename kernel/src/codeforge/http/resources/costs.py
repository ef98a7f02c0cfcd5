"""Costs: what model calls cost, in parts, as JSON or as a table for spreadsheets."""

from datetime import date
from typing import Annotated, Literal

from aiohttp import web
from pydantic import Field

from codeforge.forge import Forge
from codeforge.forge.costs import total
from codeforge.http import schemas, sheets
from codeforge.http.api import operation
from codeforge.http.schemas import Id
from codeforge.model import Principal

Day = Annotated[date, Field(ge=date(1970, 1, 2), le=date(2999, 12, 30))]


@operation("GET", "/costs", also=(sheets.CSV,))
async def read_costs(
    forge: Forge,
    who: Principal,
    request: web.Request,
    *,
    by: schemas.Grouping = "day",
    since: Day | None = None,
    until: Day | None = None,
    zone: Annotated[str, Field(max_length=64)] = "",
    project: Id = "",
    format: Literal["json", "csv"] | None = None,
) -> schemas.CostReport:
    """Read what model calls cost from one day to another, both included, in all or of one project.

    With ``Accept: text/csv`` or ``format=csv`` it is a table. Calls that a recording answered are left out.
    The days are those of ``zone``, or of the setting time_zone.
    """
    costs = await forge.costs.by(who, by, since=since, until=until, zone=zone, project_id=project)
    if format == "csv" or (format is None and sheets.CSV in request.headers.get("Accept", "")):
        names = ("key", "name", "calls", "prompt_tokens", "completion_tokens", "cached_tokens")
        lines = [
            [*(getattr(cost, name) for name in names), sheets.dollars(cost.cost_micro), cost.unpriced] for cost in costs
        ]
        return sheets.answer(f"costs-by-{by}", [[by, *names[1:], "cost_dollars", "unpriced_calls"], *lines])  # type: ignore[return-value]
    return schemas.CostReport(
        by=by,
        since=since,
        until=until,
        zone=zone or forge.settings.time_zone,
        items=[schemas.Cost.of(cost) for cost in costs],
        total=schemas.CostSum.of(total(costs)),
    )


OPERATIONS = (read_costs,)
