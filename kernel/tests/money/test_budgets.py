"""What is reserved before a call and settled after it, prices in versions, and budgets that hold."""

import asyncio
from datetime import datetime

import pytest
from paid import CHANGE, S, begin, finish, notes, spend, working

from codeforge import OverBudget, Price, Tokens
from codeforge.errors import Invalid, NotFound
from codeforge.forge import budgets
from codeforge.llm import cost, worst
from codeforge.model import Limits


def test_each_part_of_a_call_has_its_price_and_its_worst_case_is_never_less():
    price = Price(input=1_000_000, output=10_000_000, cached=100_000, written=2_000_000, reasoning=30_000_000)
    used = Tokens(prompt=100, cached=50, written=10, completion=10, reasoning=4)
    assert cost((price,), used) == 40 + 5 + 20 + 60 + 120
    assert worst((price,), 100, 10) == 200 + 300
    steps = (Price(input=1_000_000, output=0), Price(input=3_000_000, output=0, above=1000))
    assert (cost(steps, Tokens(prompt=1000)), cost(steps, Tokens(prompt=1001))) == (1000, 3003)
    assert (worst(steps, 1000, 5), worst(steps, 1001, 5)) == (1000, 3003)
    assert (cost((), used), worst((), 1, 1)) == (None, None)
    assert cost((Price(input=500_000, output=0),), Tokens(prompt=1)) == 1  # half a micro-dollar is one


async def test_a_call_is_reserved_and_then_settled_and_the_rest_is_free_again(forge, who, run):
    call = await begin(forge, run)
    during = (await forge.runs.get(who, run.id)).usage
    assert (during.calls, during.cost_micro, during.held_micro) == (0, 0, 200)
    assert await finish(forge, run, call, 50, 5, cached=20, reasoning=1) == 100
    used = (await forge.runs.get(who, run.id)).usage
    assert (used.calls, used.cost_micro, used.held_micro, used.cached_tokens, used.reasoning_tokens) == (
        1,
        100,
        0,
        20,
        1,
    )
    [row] = await forge.calls.of_run(who, run.id)
    [price] = await forge.prices.versions(who)
    assert (row["state"], row["held_micro"], row["price_id"], row["counted"]) == ("settled", 200, price.id, "reported")


async def test_a_call_that_would_break_a_budget_is_refused_before_it_is_made(forge, who, run):
    budget = await forge.budgets.set(who, "run", run.id, "total", 300)
    await spend(forge, run)
    with pytest.raises(OverBudget, match=r"budget of this run .* \$0.0003 in total, \$0.0002 is spent") as caught:
        await begin(forge, run)
    assert (caught.value.status, caught.value.slug) == (402, "budget_exceeded")
    assert f"codeforge budgets set DOLLARS --run {run.id} --per total" in str(caught.value)
    assert len(await forge.calls.of_run(who, run.id)) == 1
    [shown] = await forge.budgets.list(who, run_id=run.id)
    assert (shown.id, shown.spent_micro, shown.held_micro) == (budget.id, 200, 0)


async def test_what_is_reserved_counts_until_it_is_settled(forge, who, run):
    await forge.budgets.set(who, "tenant", "", "month", 300)
    call = await begin(forge, run)
    with pytest.raises(OverBudget, match=r"\$0.0002 reserved"):
        await begin(forge, run)
    await finish(forge, run, call, 10, 1)
    await begin(forge, run)


@pytest.mark.parametrize("scope", ["tenant", "project", "task", "run", "provider"])
async def test_a_budget_of_each_scope_counts_its_own_calls_only(forge, who, project, run, scope):
    other = await forge.projects.add(who, "/paper/garden", agent="shell")
    stranger = await working(forge, who, other)
    ids = {"tenant": "", "project": project.id, "task": run.task_id, "run": run.id, "provider": "p"}
    await forge.budgets.set(who, scope, ids[scope], "total", 250)
    elsewhere = {} if scope == "tenant" else {"provider": "q"}
    await spend(forge, stranger, **elsewhere)
    if scope == "tenant":
        with pytest.raises(OverBudget, match="all projects"):
            await begin(forge, run)
        return
    await spend(forge, run)
    with pytest.raises(OverBudget, match=scope):
        await begin(forge, run)
    await begin(forge, stranger, **elsewhere)


async def test_where_the_price_is_unknown_a_budget_fails_closed_unless_a_setting_allows_it(open_forge, forge, who, run):
    call = await begin(forge, run, known=())
    assert await finish(forge, run, call) is None
    await forge.budgets.set(who, "tenant", "", "total", 10**9)
    with pytest.raises(OverBudget, match=r"Nobody knows what p/m costs.*codeforge prices set p/m"):
        await begin(forge, run, known=())
    allowing = await open_forge(unpriced_calls="allow")
    assert await finish(allowing, run, await begin(allowing, run, known=())) is None
    used = (await forge.runs.get(who, run.id)).usage
    assert (used.cost_micro, used.unpriced, used.priced_micro) == (None, 2, 0)


async def test_a_persons_price_counts_before_what_is_known_and_until_it_is_taken_back(forge, who, run):
    await forge.prices.set(who, "p", "*", Price(input=0, output=0))
    assert await spend(forge, run, known=()) == 0
    await forge.prices.set(who, "p", "m", Price(input=5_000_000, output=0))
    assert await spend(forge, run) == 500
    assert [m.input_price for m in await forge.models.list(who)] == [5_000_000]
    await forge.prices.forget(who, "p", "m")
    assert await spend(forge, run) == 0
    await forge.prices.forget(who, "p", "*")
    assert await spend(forge, run) == 200
    assert [m.input_price for m in await forge.models.list(who)] == [7]
    with pytest.raises(NotFound, match="Nobody has said"):
        await forge.prices.forget(who, "p", "m")
    with pytest.raises(Invalid, match="from 0"):
        await forge.prices.set(who, "p", "m", Price(input=-1, output=0))


async def test_a_price_is_written_down_once_and_again_when_it_changes_and_calls_keep_theirs(forge, who, run):
    await spend(forge, run)
    await spend(forge, run)
    late = await begin(forge, run)
    await spend(forge, run, known=(Price(input=2_000_000, output=0, source="provider"),))
    assert await finish(forge, run, late) == 200
    versions = await forge.prices.versions(who, history=True)
    assert [(v.source, v.steps[0].input) for v in versions] == [("map", 1_000_000), ("provider", 2_000_000)]
    assert [v.steps[0].input for v in await forge.prices.versions(who)] == [2_000_000]
    rows = await forge.calls.of_run(who, run.id)
    assert [row["price_id"] for row in rows] == [versions[0].id] * 3 + [versions[1].id]


async def test_a_call_whose_server_died_stays_reserved_and_then_counts_by_its_worst_case(open_forge, who, run):
    dying = await open_forge(hold_seconds=0.05)
    call = await begin(dying, run)
    other = await open_forge()
    assert (await other.runs.get(who, run.id)).usage.held_micro == 200
    async with asyncio.timeout(20):
        while (await other.runs.get(who, run.id)).usage.held_micro:
            await other.calls.expire()
    [row] = await other.calls.of_run(who, run.id)
    assert (row["cost_micro"], row["counted"], row["prompt_tokens"], row["status"]) == (200, "estimated", 100, 500)
    assert await finish(dying, run, call, 10, 1) == 20  # it lived after all, and knows better
    assert (await other.runs.get(who, run.id)).usage.cost_micro == 20


async def test_the_sum_that_is_kept_beside_a_budget_is_that_of_its_calls(open_forge, forge, who, run):
    await spend(forge, run)
    await forge.budgets.set(who, "tenant", "", "total", 10**6)
    await forge.budgets.set(who, "run", run.id, "day", 10**6)
    dying = await open_forge(hold_seconds=0.01)
    late = await begin(dying, run)
    async with asyncio.timeout(20):
        while (await forge.runs.get(who, run.id)).usage.held_micro:
            await forge.calls.expire()
    await finish(forge, run, late, 10, 1)
    figures = {"provider": "p", "model": "p/m", "status": 200, "streamed": False, "milliseconds": 1}
    await forge.calls.record(who.tenant_id, **figures, counted="reported", cost_micro=7)
    assert [b.spent_micro for b in await forge.budgets.list(who, run_id=run.id)] == [227, 220]


async def test_replayed_calls_cost_no_budget_anything(forge, who, run):
    await forge.budgets.set(who, "run", run.id, "total", 0)
    call = await begin(forge, run, known=(), replayed=True)
    used = Tokens(prompt=100)
    assert await forge.calls.settle(run.tenant_id, call, used, status=200, milliseconds=1, replayed_cost=77) == 77
    [shown] = await forge.budgets.list(who, run_id=run.id)
    assert (shown.spent_micro, shown.held_micro) == (0, 0)


async def test_people_are_told_once_at_80_and_at_100_per_cent(forge, who, run):
    await forge.budgets.set(who, "run", run.id, "total", 1000)
    for _ in range(5):
        await spend(forge, run)
    assert [note.partition(" of ")[0] for note in await notes(forge, run)] == ["80 %", "100 %"]
    await forge.budgets.set(who, "run", run.id, "total", 1100)
    await spend(forge, run, 1, 0)
    assert [note.partition(" of ")[0] for note in await notes(forge, run)] == ["80 %", "100 %", "80 %"]


async def test_a_runs_budget_follows_its_projects_limit_unless_it_has_one_of_its_own(forge, who, project, run):
    await forge.projects.edit(who, project.id, limits=Limits(cost_micro=300))
    await spend(forge, run)
    with pytest.raises(OverBudget, match="this run"):
        await begin(forge, run)
    await forge.projects.edit(who, project.id, limits=Limits(cost_micro=500))
    await spend(forge, run)
    await forge.budgets.set(who, "run", run.id, "total", 1000)
    await spend(forge, run)
    assert [b.limit_micro for b in await forge.budgets.list(who, run_id=run.id)] == [1000]
    ceiling = await working(forge, who, project, max_cost_micro=100)
    with pytest.raises(OverBudget, match="this run"):
        await begin(forge, ceiling)
    with pytest.raises(Invalid, match=r"may cost \$0.0005"):
        await forge.tasks.submit(who, project.id, "more", max_cost_micro=501)


def test_periods_begin_by_the_clock_on_the_wall_also_when_that_is_changed():
    noon = datetime.fromisoformat("2026-03-29T12:00:00+02:00").timestamp()  # the day that has 23 hours in Berlin
    since, until = budgets.span("day", noon, "Europe/Berlin")
    assert until - since == 23 * 3600
    since, until = budgets.span("month", noon, "Europe/Berlin")
    first, next_first = (
        datetime.fromisoformat(f"2026-{text}:00").timestamp() for text in ("03-01T00:00:00+01", "04-01T00:00:00+02")
    )
    assert (since, until) == (first, next_first)
    eve, new_year = (
        datetime.fromisoformat(f"{day}+00:00").timestamp() for day in ("2026-12-31T23:59", "2027-01-01T00:00")
    )
    assert budgets.span("month", eve, "UTC")[1] == new_year
    assert budgets.span("total", noon, "UTC") == (0.0, None)


async def test_two_servers_at_once_never_overspend_a_budget(open_forge, forge, who, run):
    await forge.budgets.set(who, "project", run.project_id, "day", 2000)
    servers = [forge, await open_forge()]

    async def try_it(number):
        try:
            return await spend(servers[number % 2], run)
        except OverBudget:
            return 0

    assert sum(await asyncio.gather(*(try_it(n) for n in range(60)))) == 2000
    [budget] = await forge.budgets.list(who)
    assert (budget.spent_micro, budget.held_micro) == (2000, 0)


@pytest.mark.parametrize("verb", ["retry", "restart", "message"])
async def test_what_people_allowed_a_run_holds_for_the_one_that_follows_it(forge, who, project, verb):
    first = await working(forge, who, project, max_cost_micro=150)
    await forge.budgets.set(who, "run", first.id, "day", 100)
    if verb != "restart":
        await forge.coordinator.report(first.id, 1, state=S.FAILED, reason="agent_error", change=CHANGE)
    words = ("and this",) if verb == "message" else ()
    second = await getattr(forge.runs, verb)(who, first.id, *words)
    assert second.id != first.id
    found = await forge.budgets.list(who, run_id=second.id)
    assert {(one.period, one.limit_micro) for one in found} == {("total", 150), ("day", 100)}


async def test_a_retry_follows_its_projects_limit_and_not_what_that_was(forge, who, project):
    await forge.projects.edit(who, project.id, limits=Limits(cost_micro=300))
    first = await working(forge, who, project)
    await spend(forge, first)
    await forge.coordinator.report(first.id, 1, state=S.FAILED, reason="agent_error")
    await forge.projects.edit(who, project.id, limits=Limits(cost_micro=900))
    second = await forge.runs.retry(who, first.id)
    assert [one.limit_micro for one in await forge.budgets.list(who, run_id=second.id)] == [900]
