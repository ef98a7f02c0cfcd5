"""Runs that wait for a budget or a quota with their work, and go on when it is there."""

import pytest
from paid import CHANGE, S, begin, spend, state

from codeforge import OverBudget, Price
from codeforge.store import tables as t


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
