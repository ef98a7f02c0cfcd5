"""Money: what is reserved before a call and settled after it, prices in versions, budgets that hold, runs that wait."""

import asyncio
from datetime import datetime
from itertools import count

import pytest

from codeforge import Llm, Model, OverBudget, Price, RepoInfo, RunState, Scm, Settings, Tokens, builtin, usage
from codeforge.errors import Invalid, NotFound
from codeforge.forge import Forge, Offers, budgets
from codeforge.forge.claims import disagreement
from codeforge.llm import cost, worst
from codeforge.model import Change, Limits
from codeforge.store import Store
from codeforge.store import tables as t
from codeforge.testing import ShellAgent

DEAR = (Price(input=1_000_000, output=10_000_000),)
"""One micro-dollar for a prompt's token, ten for an answer's."""
CHANGE = Change(base="a" * 40, head="b" * 40, files=1, added=1, deleted=0)
S = RunState


class PaperScm(Scm):
    name = "paper"

    async def inspect(self, url):
        return RepoInfo(url=url, branch="main", branches=("main",), head="0" * 40)

    handles = prepare = reopen = changes = diff = deliver = forget = None


class OneModel(Llm):
    name = "one"

    async def models(self, tenant_id):
        return [Model(name="p/m", provider="p", input_price=7)]


@pytest.fixture
async def open_forge(tmp_path, database_url):
    """Makes servers of one database."""
    stores, numbers = [], count()

    async def opened(**options):
        options = {"data_dir": tmp_path / str(next(numbers)), **options}
        offers = Offers(
            agents={"shell": ShellAgent()},
            scms={"paper": PaperScm()},
            llms={"one": OneModel()},
            choose_scm=lambda url: "paper",
            choose_agent=builtin.choose_agent,
            rank_run=lambda task, project: builtin.rank_run(task),
        )
        stores.append(await Store.open(tmp_path, database_url))
        return Forge(Settings(**options), stores[-1], offers)

    yield opened
    for store in stores:
        await store.close()


@pytest.fixture
async def forge(open_forge):
    return await open_forge()


@pytest.fixture
async def who(forge):
    return await forge.accounts.admin()


@pytest.fixture
async def project(forge, who):
    return await forge.projects.add(who, "/paper/house", agent="shell")


@pytest.fixture
async def run(forge, who, project):
    return await working(forge, who, project)


async def working(forge, who, project, **options):
    """A run that a worker works on."""
    _, run = await forge.tasks.submit(who, project.id, "do it", **options)
    claimed = await forge.coordinator.claim("w")
    assert claimed.run.id == run.id
    await forge.coordinator.report(run.id, claimed.run.generation, state=S.WORKING, base="a" * 40)
    return claimed.run


async def begin(forge, run, prompt=100, completion=10, known=DEAR, **options):
    """Reserve a call; by default it costs 200 micro-dollars at most."""
    options = {"provider": "p", "model": "m", "run_id": run.id, "project_id": run.project_id, **options}
    figures = {"prompt_tokens": prompt, "completion_tokens": completion}
    return await forge.calls.open(run.tenant_id, known=known, **figures, **options)


async def finish(forge, run, call, prompt=100, completion=10, **figures):
    used = Tokens(prompt=prompt, completion=completion, **figures)
    return await forge.calls.settle(run.tenant_id, call, used, status=200, milliseconds=5)


async def spend(forge, run, prompt=100, completion=10, **options):
    return await finish(forge, run, await begin(forge, run, prompt, completion, **options), prompt, completion)


async def state(forge, who, run):
    return (await forge.runs.get(who, run.id)).state


async def notes(forge, run):
    return [e.data["text"] for e in await forge.history.read(run.tenant_id, run.id) if e.kind == "progress"]


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


async def parked(forge, who, run):
    """A run that was refused a call, and put by by its worker."""
    with pytest.raises(OverBudget):
        await begin(forge, run)
    orders = await forge.coordinator.renew(run.id, run.generation)
    assert orders.want == "wait"
    await forge.coordinator.report(run.id, run.generation, state=S.WAITING, change=CHANGE, worked=2.0)
    assert await state(forge, who, run) == S.WAITING


async def test_a_refused_run_waits_with_its_work_and_goes_on_when_the_budget_is_raised(forge, who, run):
    await forge.budgets.set(who, "run", run.id, "total", 150)
    await parked(forge, who, run)
    shown = await forge.runs.get(who, run.id)
    assert (shown.waiting_for["why"], shown.waiting_for["until"], shown.reason) == ("budget", None, None)
    [item] = (await forge.line.read(who)).items
    assert (item.why, item.run_id) == ("budget", run.id)
    assert item.text == shown.detail == await forge.line.why(who, run.id)
    await forge.runs.unpark()
    assert await state(forge, who, run) == S.WAITING
    await forge.budgets.set(who, "run", run.id, "total", 199)
    await forge.runs.unpark()
    assert await state(forge, who, run) == S.WAITING
    await forge.budgets.set(who, "run", run.id, "total", 200)
    await forge.runs.unpark()
    again = await forge.coordinator.claim("w")
    assert (again.run.id, again.start, again.resumed, again.run.waiting_for) == (run.id, CHANGE.head, True, None)


async def test_a_waiting_run_goes_on_when_the_budget_is_gone_or_its_price_is_known(forge, who, run, project):
    budget = await forge.budgets.set(who, "tenant", "", "day", 150)
    await parked(forge, who, run)
    assert (await forge.runs.get(who, run.id)).waiting_for["until"] is None  # no day has room for this call
    await forge.budgets.remove(who, budget.id)
    await forge.runs.unpark()
    assert await state(forge, who, run) == S.QUEUED
    again = (await forge.coordinator.claim("w")).run
    await forge.coordinator.report(run.id, again.generation, state=S.WORKING)
    await forge.budgets.set(who, "tenant", "", "day", 10**6)
    with pytest.raises(OverBudget):
        await begin(forge, run, known=())
    await forge.coordinator.report(run.id, again.generation, state=S.WAITING, worked=3.0)
    await forge.runs.unpark()
    assert await state(forge, who, run) == S.WAITING
    await forge.prices.set(who, "p", "m", Price(input=0, output=0))
    await forge.runs.unpark()
    assert await state(forge, who, run) == S.QUEUED


async def test_a_waiting_run_says_what_is_in_its_way_now(forge, who, run):
    day = await forge.budgets.set(who, "tenant", "", "day", 250)
    await spend(forge, run)
    await parked(forge, who, run)
    assert (await forge.runs.get(who, run.id)).waiting_for["until"] == day.until.timestamp()
    await forge.budgets.set(who, "run", run.id, "total", 150)
    await forge.budgets.remove(who, day.id)
    await forge.runs.unpark()
    found = await forge.runs.get(who, run.id)
    assert (found.state, found.waiting_for["until"]) == (S.WAITING, None)
    assert found.detail == found.waiting_for["detail"]
    assert "this run" in found.detail


async def test_a_budgets_next_period_brings_waiting_runs_back(forge, who, run):
    await forge.budgets.set(who, "tenant", "", "month", 250)
    await spend(forge, run)
    await parked(forge, who, run)

    def long_ago(door):  # the month in which that was spent
        door.update(t.Call, t.Call.run_id == run.id, created_at=1.0)
        door.update(t.Budget, t.Budget.period == "month", spent_since=0.0)

    await forge.store.run(None, long_ago)
    await forge.runs.unpark()
    assert await state(forge, who, run) == S.QUEUED


async def test_an_agent_that_fails_for_lack_of_the_call_waits_all_the_same(forge, who, run):
    await forge.budgets.set(who, "run", run.id, "total", 150)
    with pytest.raises(OverBudget):
        await begin(forge, run)
    facts = {"reason": "budget", "detail": "402", "change": CHANGE, "worked": 4.0}
    await forge.coordinator.report(run.id, run.generation, state=S.FAILED, **facts)
    found = await forge.runs.get(who, run.id)
    assert (found.state, found.reason, found.want) == (S.WAITING, None, None)
    assert "does not allow this call" in found.detail
    await forge.runs.resume(who, run.id)
    again = await forge.coordinator.claim("w")
    assert (again.start, again.run.worked) == (CHANGE.head, 4.0)


async def test_a_worker_that_is_lost_while_its_run_is_to_wait_leaves_it_waiting(forge, who, run):
    await forge.runs.park(run.id, "quota", None, "The provider takes no more today.")
    await forge.coordinator.reap(everything=True)
    found = await forge.runs.get(who, run.id)
    assert (found.state, found.detail, found.losses) == (S.WAITING, "The provider takes no more today.", 1)


async def test_a_quota_is_waited_for_until_its_time(forge, who, run):
    await forge.runs.park(run.id, "quota", 4e9, "The provider takes no more until 2096.")
    await forge.coordinator.report(run.id, run.generation, state=S.WAITING, worked=1.0)
    await forge.runs.unpark()
    assert await state(forge, who, run) == S.WAITING
    over = {"why": "quota", "until": 1.0, "detail": "x"}
    await forge.store.run(None, lambda door: door.update(t.Run, t.Run.id == run.id, waiting_for=over))
    await forge.runs.unpark()
    assert await state(forge, who, run) == S.QUEUED


@pytest.mark.parametrize(("verb", "wanted"), [("stop", S.STOPPED), ("pause", S.PAUSED), ("resume", S.QUEUED)])
async def test_what_people_ask_counts_before_the_need_to_wait(forge, who, run, verb, wanted):
    await forge.runs.park(run.id, "quota", None, "No more.")
    await getattr(forge.runs, verb)(who, run.id)
    await forge.runs.park(run.id, "quota", None, "No more.") if verb != "resume" else None
    await forge.coordinator.report(run.id, run.generation, state=S.WAITING, worked=1.0, change=CHANGE)
    assert await state(forge, who, run) == wanted


async def test_an_agent_that_was_done_before_it_could_be_put_by_is_done(forge, who, run):
    await forge.runs.park(run.id, "quota", None, "No more.")
    await forge.coordinator.report(run.id, run.generation, state=S.CHECKING, change=CHANGE)
    found = await forge.runs.get(who, run.id)
    assert (found.state, found.want, found.waiting_for) == (S.CHECKING, None, None)


async def test_the_agents_own_claim_stands_beside_our_count(forge, who, run):
    await spend(forge, run)
    await forge.coordinator.report(run.id, 1, [usage(60, 6, 5, 120), usage(40, 4, 0, 80)])
    found = await forge.runs.get(who, run.id)
    assert (found.claimed.calls, found.claimed.prompt_tokens, found.claimed.cost_micro) == (2, 100, 200)
    assert disagreement(found.usage, found.claimed) == ""
    await forge.coordinator.report(run.id, 1, [usage(900, 0, 0, None)])
    found = await forge.runs.get(who, run.id)
    assert found.claimed.cost_micro is None
    assert "The agent says 1,010 tokens, the gateway counted 110." in disagreement(found.usage, found.claimed)


async def test_a_forecast_needs_three_like_runs_and_then_gives_least_typical_and_most(forge, who, project):
    for number, tokens in enumerate((100, 300, 200), 1):
        found = await forge.forecast(who, project.id)
        assert (found.based_on, found.tokens, found.cost_micro) == (number - 1, None, None)
        assert "not enough history" in found.text
        run = await working(forge, who, project)
        await spend(forge, run, tokens, 10)
        report = {"state": S.REVIEW, "change": CHANGE, "worked": float(number)}
        await forge.coordinator.report(run.id, 1, **report)
    found = await forge.forecast(who, project.id)
    figures = [(r.least, r.typical, r.most) for r in (found.tokens, found.cost_micro, found.seconds)]
    assert figures == [(110, 210, 310), (200, 300, 400), (1, 2, 3)]
    assert found.based_on == 3
    assert "Probably 210 tokens (110 to 310), $0.0003 ($0.0002 to $0.0004)" in found.text
    unpriced = await working(forge, who, project)
    await spend(forge, unpriced, known=())
    await forge.coordinator.report(unpriced.id, 1, state=S.REVIEW, change=CHANGE, worked=9.0)
    assert (await forge.forecast(who, project.id)).cost_micro is None
