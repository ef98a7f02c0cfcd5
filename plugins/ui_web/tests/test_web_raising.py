"""A run that waits for money says why on its page, and goes on with a click."""

from __future__ import annotations

import pytest
from web_asking import read, send

from codeforge import RunState
from codeforge.llm import Price
from codeforge.store import tables as t

PRICE = (Price(input=1_000_000, output=1_000_000),)


async def refused(stage, run, known=PRICE):
    """A call that a budget does not allow; the run's worker puts it by."""
    given = {"provider": "openai", "model": "gpt-5-mini", "run_id": run.id, "project_id": run.project_id}
    with pytest.raises(Exception, match=r"budget|Nobody knows"):
        await stage.forge.calls.open(run.tenant_id, known=known, prompt_tokens=500_000, completion_tokens=1, **given)


async def waiting(stage, limit=400_000, known=PRICE):
    run = await stage.working(await stage.task(await stage.project(), max_cost_micro=limit))
    await refused(stage, run, known)
    await stage.forge.coordinator.report(run.id, 1, state=RunState.QUEUED, worked=1.0)
    return await stage.forge.runs.get(stage.who, run.id)


async def test_a_run_that_waits_for_its_budget_is_raised_and_goes_on(client, stage):
    run = await waiting(stage)
    assert run.state == RunState.WAITING
    text = await read(client, f"/runs/{run.id}")
    assert "It waits for its budget" in text
    assert "does not allow this call" in text
    assert "needs a limit of $0.50" in text
    assert 'name="limit-run-total"' in text
    assert 'value="0.51"' in text  # what the call may cost, and a cent's rest
    status, _, text = await send(client, f"/runs/{run.id}/raise", **{"limit-run-total": "0.45"})
    assert (status, "give at least $0.50" in text) == (422, True)
    assert (await stage.forge.runs.get(stage.who, run.id)).state == RunState.WAITING
    assert (await send(client, f"/runs/{run.id}/raise", **{"limit-run-total": "2"}))[0] == 204
    assert (await stage.forge.runs.get(stage.who, run.id)).state == RunState.QUEUED
    [budget] = await stage.forge.budgets.list(stage.who, run_id=run.id)
    assert budget.limit_micro == 2_000_000
    assert "It waits for its budget" not in await read(client, f"/runs/{run.id}")


async def test_every_budget_that_is_short_is_raised_at_once(client, stage):
    run = await waiting(stage)
    await stage.forge.budgets.set(stage.who, "tenant", "", "day", 100_000)
    text = await read(client, f"/runs/{run.id}")
    assert "All projects, dollars a day" in text
    given = {"limit-run-total": "1", "limit-tenant-day": "1"}
    _, headers, _ = await send(client, f"/runs/{run.id}/raise", {}, **given)
    assert headers["Location"] == f"/runs/{run.id}"
    limits = {b.scope: b.limit_micro for b in await stage.forge.budgets.list(stage.who, run_id=run.id)}
    assert limits == {"run": 1_000_000, "tenant": 1_000_000}


async def test_a_run_whose_models_price_nobody_knows_goes_on_when_it_is_said(client, stage):
    run = await waiting(stage, known=())
    text = await read(client, f"/runs/{run.id}")
    assert "It waits for a price" in text
    assert "Nobody knows what <code>openai/gpt-5-mini</code> costs" in text
    assert (await send(client, f"/runs/{run.id}/price", input="0.25", output="2"))[0] == 204
    assert (await stage.forge.runs.get(stage.who, run.id)).state == RunState.QUEUED
    [price] = await stage.forge.prices.versions(stage.who)
    assert (price.model, price.source, price.steps[0].output) == ("gpt-5-mini", "person", 2_000_000)


async def test_a_run_that_does_not_wait_is_offered_nothing_and_who_may_not_administer_raises_nothing(
    client, stage, stranger
):
    run = await stage.task(await stage.project())
    assert "It waits for" not in await read(client, f"/runs/{run.id}")
    _, token = await stage.forge.accounts.new_token(stage.who, "scripts", ("read", "write"))
    for verb in ("raise", "price"):
        answer = await stranger.post(f"/runs/{run.id}/{verb}", headers={"Authorization": f"Bearer {token}"})
        assert answer.status == 403


async def test_a_run_that_waits_for_a_providers_quota_says_until_when(client, stage):
    run = await stage.working(await stage.task(await stage.project()))
    await stage.forge.runs.park(run.id, "quota", 4e9, "openai allows no more calls until 18:00.")
    text = await read(client, f"/runs/{run.id}")
    assert "being put by" in text
    await stage.forge.coordinator.report(run.id, 1, state=RunState.QUEUED, worked=1.0)
    text = await read(client, f"/runs/{run.id}")
    assert "openai allows no more calls until 18:00." in text
    assert "It waits for" not in text
    [row] = await stage.forge.store.read(None, lambda door: door.all(t.Run))
    assert row["state"] == RunState.WAITING
