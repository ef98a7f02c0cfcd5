"""Budgets: which hold for a call, what is spent and reserved of each, and the refusal of what would break one."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from codeforge.errors import OverBudget
from codeforge.events import AgentEvent, Kind
from codeforge.forge import history
from codeforge.ids import new_id
from codeforge.model import HELD
from codeforge.store import Door, Expression, fn
from codeforge.store import tables as t

FOLLOWS = "the project's limit"
"""Who made the budget of a run that follows its project's limit."""
SHARES = (100, 80)
"""Per cent at which people are told."""
Row = dict[str, Any]
Span = tuple[float, float | None]
"""When a period began and when it ends (None: never), in seconds since 1970."""


def span(period: str, now: float, zone: str) -> Span:
    """The period that ``now`` is in."""
    if period == "total":
        return 0.0, None
    day = datetime.fromtimestamp(now, ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "day":
        after = day + timedelta(days=1)  # by the clock on the wall: days of 23 and 25 hours, too
    else:
        day = day.replace(day=1)
        after = (day + timedelta(days=32)).replace(day=1)
    return day.timestamp(), after.timestamp()


_OF_CALL = """SELECT b.* FROM budget b WHERE b.tenant_id = ? AND (
    (b.scope = 'tenant' AND b.scope_id = '') OR (b.scope = 'provider' AND b.scope_id = ?)
    OR (b.scope = 'project' AND b.scope_id = ?) OR (b.scope = 'run' AND b.scope_id = ?)
    OR (b.scope = 'task' AND b.scope_id = (SELECT task_id FROM run WHERE id = ?))) ORDER BY b.id"""
_LIMITS = "SELECT limits FROM project WHERE tenant_id = ? AND id = (SELECT project_id FROM run WHERE id = ?)"


def of_call(door: Door, provider: str, project_id: str | None, run_id: str | None) -> list[Row]:
    """The budgets that hold for a call, inside the caller's transaction."""
    return door.sql(_OF_CALL, door.tenant_id, provider, project_id or "", run_id or "", run_id or "")


def followed(door: Door, provider: str, project_id: str | None, run_id: str | None) -> list[Row]:
    """`of_call`, when its run has the budget of its project's limit, where it has none of its own."""
    found = of_call(door, provider, project_id, run_id)
    own = [row for row in found if row["scope"] == "run"]
    if run_id is None or any(row["made_by"] != FOLLOWS for row in own):
        return found
    project = door.sql(_LIMITS, door.tenant_id, run_id)
    limit = json.loads(project[0]["limits"]).get("cost_micro") if project else None
    if [row["limit_micro"] for row in own] == ([] if limit is None else [limit]):
        return found
    door.delete(t.Budget, t.Budget.scope == "run", t.Budget.scope_id == run_id)
    if limit is not None:
        give(door, "run", run_id, period="total", limit=limit, made_by=FOLLOWS)
    return of_call(door, provider, project_id, run_id)


def give(door: Door, scope: str, scope_id: str, *, period: str, limit: int, made_by: str) -> str:
    """Make a budget, inside the caller's transaction; gives its id."""
    budget_id = new_id()
    facts = {"scope": scope, "scope_id": scope_id, "period": period, "limit_micro": limit, "made_by": made_by}
    door.insert(t.Budget, id=budget_id, created_at=door.now(), **facts)
    return budget_id


def inherit(door: Door, before: str, run_id: str) -> None:
    """Give a run the budgets that people gave the one ``before``, in whose place or from whose work it begins."""
    for row in door.all(t.Budget, t.Budget.scope == "run", t.Budget.scope_id == before):
        if row["made_by"] != FOLLOWS:
            facts = {"period": row["period"], "limit": row["limit_micro"], "made_by": row["made_by"]}
            give(door, "run", run_id, **facts)


def spent(door: Door, budget: Row, since: float) -> tuple[int, int]:
    """Micro-dollars of a budget that are spent and that are reserved, since a period began."""
    known = budget["spent_since"] == since
    return budget["spent_micro"] if known else _added_up(door, budget, since), _held(door, budget, since)


def _added_up(door: Door, budget: Row, since: float) -> int:
    """What is spent, by the calls themselves."""
    where = [*_within(budget), t.Call.replayed == False, t.Call.created_at >= since]  # noqa: E712 (an expression)
    [settled] = door.rows(door.query(t.Call, *where).select(fn.COALESCE(fn.SUM(t.Call.cost_micro), 0).alias("sum")))
    return int(settled["sum"])


def _held(door: Door, budget: Row, since: float) -> int:
    """What is reserved: open calls are few, and found by their state alone, however many are settled."""
    columns = t.Call.provider, t.Call.project_id, t.Call.created_at, t.Call.held_micro
    where = [t.Call.state == "open", *(_within(budget) if budget["scope"] in ("task", "run") else [])]
    rows = door.rows(door.query(t.Call, *where).select(*columns))
    column = {"provider": "provider", "project": "project_id"}.get(budget["scope"])
    mine = [row for row in rows if row["created_at"] >= since]
    return sum(row["held_micro"] or 0 for row in mine if column is None or row[column] == budget["scope_id"])


def _within(budget: Row) -> list[Expression]:
    match budget["scope"]:
        case "provider":
            return [t.Call.provider == budget["scope_id"]]
        case "project":
            return [t.Call.project_id == budget["scope_id"]]
        case "task":
            return [t.Call.run_id.in_(t.Run.select(t.Run.id).where(t.Run.task_id == budget["scope_id"]))]
        case "run":
            return [t.Call.run_id == budget["scope_id"]]
    return []


def check(door: Door, budgets: list[Row], model: str, needs: int | None, *, zone: str, unpriced: str) -> None:
    """Refuse a call that ``needs`` more than a budget has left, or whose price nobody knows. Raises `OverBudget`."""
    provider, _, own = model.partition("/")
    wait = {"why": "budget", "needs": needs, "provider": provider, "model": own}
    if needs is None:
        if budgets and unpriced == "refuse":
            detail = (
                f"Nobody knows what {model} costs, and {_named(budgets[0])} holds. Say its price with `codeforge "
                f"prices set {model} --input 3 --output 15` (dollars per million tokens), or --free if it has none."
            )
            raise OverBudget(detail, {**wait, "budget": budgets[0]["id"], "until": None, "detail": detail})
        return
    for budget in budgets:
        since, until = span(budget["period"], door.now(), zone)
        settled, held = spent(door, budget, since)
        if needs and settled + held + needs > budget["limit_micro"]:
            detail = (
                f"{_named(budget)} does not allow this call: of {dollars(budget['limit_micro'])} {_per(budget)}, "
                f"{dollars(settled)} is spent and {dollars(held)} reserved, and the call may cost "
                f"{dollars(needs)}. Raise it with `codeforge budgets set {_how(budget)}`."
            )
            detail = detail[0].upper() + detail[1:]
            until = until if needs <= budget["limit_micro"] else None  # no period has room for it
            raise OverBudget(detail, {**wait, "budget": budget["id"], "until": until, "detail": detail})


def count(door: Door, budgets: list[Row], call: Row, more: int, zone: str) -> None:
    """Count what a ``call``, settled in the caller's transaction, cost ``more`` than was known before.

    It is added to each budget's sum, so that the next call need not add up all calls again. The runs that a budget
    holds for are told when 80 % and 100 % of it are spent, once in each period.
    """
    for budget in budgets:
        since, _ = span(budget["period"], door.now(), zone)
        if call["created_at"] >= since:
            known = budget["spent_since"] == since
            keep(door, budget, since, budget["spent_micro"] + more if known else _added_up(door, budget, since))
            _tell(door, budget, since)


def keep(door: Door, budget: Row, since: float, settled: int | None = None) -> None:
    """Write down what is spent of a budget since a period began; None: what the calls say."""
    settled = _added_up(door, budget, since) if settled is None else settled
    budget |= {"spent_micro": settled, "spent_since": since}
    door.update(t.Budget, t.Budget.id == budget["id"], spent_micro=settled, spent_since=since)


def _tell(door: Door, budget: Row, since: float) -> None:
    settled, limit = budget["spent_micro"], budget["limit_micro"]
    share = next((share for share in SHARES if settled * 100 >= limit * share), 0) if settled else 0
    if share <= (budget["told"] if budget["told_since"] == since else 0):
        return
    door.update(t.Budget, t.Budget.id == budget["id"], told=share, told_since=since)
    left = "nothing is left" if settled >= limit else f"{dollars(limit - settled)} is left"
    text = f"{share} % of {_named(budget)} ({dollars(limit)} {_per(budget)}) is spent: {left}."
    for run in door.all(t.Run, t.Run.state.in_(list(HELD)), *_runs(budget)):
        history.append(door, run, [AgentEvent(Kind.PROGRESS, {"text": text})])


def _runs(budget: Row) -> list[Expression]:
    column = {"provider": t.Run.provider, "project": t.Run.project_id, "task": t.Run.task_id, "run": t.Run.id}
    return [column[budget["scope"]] == budget["scope_id"]] if budget["scope"] in column else []


def dollars(micro: int) -> str:
    """Micro-dollars in words, as exact as it takes."""
    text = f"{micro / 1_000_000:.6f}".rstrip("0")
    whole, _, rest = text.partition(".")
    return f"${whole}.{rest:0<2}"


def _named(budget: Row) -> str:
    if budget["scope"] == "tenant":
        return "the budget of all projects"
    if budget["scope"] == "provider":
        return f"the budget of the provider {budget['scope_id']}"
    return f"the budget of this {budget['scope']}"


def _per(budget: Row) -> str:
    return "in total" if budget["period"] == "total" else f"a {budget['period']}"


def _how(budget: Row) -> str:
    place = "" if budget["scope"] == "tenant" else f" --{budget['scope']} {budget['scope_id']}"
    return f"DOLLARS{place} --per {budget['period']}"
