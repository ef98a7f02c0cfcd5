"""Costs: sums of model calls by day, project, agent, model, provider or person, between two dates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from codeforge.errors import Invalid
from codeforge.model import Principal
from codeforge.scheduler.hours import check_zone
from codeforge.store import JOIN, Door, Expression, fn
from codeforge.store import tables as t

if TYPE_CHECKING:
    from codeforge.forge import Forge

GROUPINGS = ("day", "project", "agent", "model", "provider", "person")
MOST_DAYS = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """A sum of calls: of a day (its date), of a project (``key`` is its id), or of what else ``name`` names.

    ``cost_micro`` adds up the calls whose price is known; None when there are calls and none of them has one.
    ``unpriced`` counts the others, which are not free. ``cached_tokens`` are part of the prompts' tokens.
    """

    key: str
    name: str
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost_micro: int | None = 0
    unpriced: int = 0


class Costs:
    """What the tenant's model calls cost; those that a recording answered cost nothing and are left out."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    async def by(
        self,
        who: Principal,
        grouping: str,
        *,
        since: date | None = None,
        until: date | None = None,
        zone: str = "",
        project_id: str = "",
    ) -> list[Cost]:
        """The sums of one grouping, from the day ``since`` to the day ``until`` (both included) in the time zone,
        which is the settings' where none is given. Calls under way are in it when they are settled.

        Days come in order and without gaps, all else with the dearest first. Raises `Invalid`.
        """
        if grouping not in GROUPINGS:
            raise Invalid(f"Costs are added up by {', '.join(GROUPINGS)}, not by {grouping[:80]}.", field="by")
        zone = check_zone(zone or self._forge.settings.time_zone, "zone")
        if since and until and since > until:
            raise Invalid(f"{since} is after {until}: give the earlier day first.", field="since")

        def work(door: Door) -> list[Cost]:
            where = [t.Call.replayed == False, t.Call.state == "settled"]  # noqa: E712 (an expression)
            where += [t.Call.project_id == project_id] if project_id else []
            if grouping == "day":
                return _days(door, where, since, until, zone)
            where += [t.Call.created_at >= _start(since, zone)] if since else []
            where += [t.Call.created_at < _start(until + timedelta(days=1), zone)] if until else []
            return _groups(door, where, grouping)

        return await self._forge.store.read(who.tenant_id, work)


def total(costs: Iterable[Cost]) -> Cost:
    """The sum of sums."""
    found = list(costs)
    known = [cost.cost_micro for cost in found if cost.cost_micro is not None]
    fields = ("calls", "prompt_tokens", "completion_tokens", "cached_tokens", "unpriced")
    sums = {name: sum(getattr(cost, name) for cost in found) for name in fields}
    nothing_known = sums["calls"] and sums["calls"] == sums["unpriced"]
    return Cost(key="", name="", cost_micro=None if nothing_known else sum(known), **sums)


def _sums() -> list[Any]:
    c = t.Call
    return [
        fn.COUNT(c.id).alias("calls"),
        fn.COALESCE(fn.SUM(c.prompt_tokens), 0).alias("prompt_tokens"),
        fn.COALESCE(fn.SUM(c.completion_tokens), 0).alias("completion_tokens"),
        fn.COALESCE(fn.SUM(c.cached_tokens), 0).alias("cached_tokens"),
        fn.COALESCE(fn.SUM(c.cost_micro), 0).alias("cost_micro"),
        (fn.COUNT(c.id) - fn.COUNT(c.cost_micro)).alias("unpriced"),
    ]


def _cost(row: dict[str, Any], key: str, name: str) -> Cost:
    known = row["calls"] > row["unpriced"] or not row["calls"]
    return Cost(**{**row, "key": key, "name": name, "cost_micro": row["cost_micro"] if known else None})


def _groups(door: Door, where: list[Expression], grouping: str) -> list[Cost]:
    column = {
        "project": t.Call.project_id,
        "agent": t.Run.agent,
        "model": t.Call.model,
        "provider": t.Call.provider,
        "person": t.Run.made_by,
    }[grouping]
    query = door.query(t.Call, *where).select(column.alias("key"), *_sums()).group_by(column)
    if grouping in ("agent", "person"):
        query = query.join(t.Run, JOIN.LEFT_OUTER, on=(t.Call.run_id == t.Run.id))
    named = {row["id"]: row["name"] for row in door.all(t.Project)} if grouping == "project" else {}
    merged: dict[str, list[Cost]] = {}  # calls of no run and those of runs of before have no name alike
    for row in door.rows(query):
        key = row["key"] or ""
        merged.setdefault(key, []).append(_cost(row, key, named.get(key, "") if grouping == "project" else key))
    sums = [found[0] if len(found) == 1 else total(found) for found in merged.values()]
    return sorted(sums, key=lambda cost: (-(cost.cost_micro or 0), -cost.unpriced, cost.name))


def _days(door: Door, where: list[Expression], since: date | None, until: date | None, zone: str) -> list[Cost]:
    """One sum a day, each through the index: no database can cut time into days of a zone as another does."""
    made = door.query(t.Call, *where).select(t.Call.created_at)
    ends = [door.rows(made.order_by(order).limit(1)) for order in (t.Call.created_at, t.Call.created_at.desc())]
    if not ends[0] and not (since and until):
        return []
    first = since or _day(ends[0][0]["created_at"], zone)
    last = until or _day(ends[1][0]["created_at"] if ends[1] else door.now(), zone)
    if (last - first).days >= MOST_DAYS:
        raise Invalid(f"From {first} to {last} are more than {MOST_DAYS} days: give nearer dates.", field="since")
    found = []
    for day in (first + timedelta(days=n) for n in range((last - first).days + 1)):
        start, end = _start(day, zone), _start(day + timedelta(days=1), zone)
        [row] = door.rows(
            door.query(t.Call, *where, t.Call.created_at >= start, t.Call.created_at < end).select(*_sums())
        )
        found.append(_cost(row, day.isoformat(), day.isoformat()))
    return found


def _start(day: date, zone: str) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp()


def _day(seconds: float, zone: str) -> date:
    return datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(zone)).date()
