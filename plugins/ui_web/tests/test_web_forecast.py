"""What a run will probably take stands beside the forms that start one, and a sum that it may cost at most."""

from __future__ import annotations

import pytest
from web_asking import read, send

from codeforge.store import tables as t


async def finished(stage, project, *costs, model="openai/gpt-5-mini"):
    for cost in costs:
        run = await stage.review(await stage.task(project, model=model))
        await stage.call(run, cost=cost)
        await stage.forge.store.run(None, lambda door, of=run.id: door.update(t.Run, t.Run.id == of, worked=90.0))


async def test_the_forecast_has_least_typical_and_most_and_says_by_how_many_runs(client, stage):
    project = await stage.project()
    await finished(stage, project, 100_000, 300_000, 200_000)
    for path in (f"/projects/{project.id}", f"/projects/{project.id}/forecast?agent=aider&model=openai/gpt-5-mini"):
        text = await read(client, path)
        for piece in (
            "By 3 finished runs of aider with openai/gpt-5-mini",
            "$0.10",
            "$0.20",
            "$0.30",
            "2,560",
            "90.0 s",
        ):
            assert piece in text, piece


async def test_an_unpriced_run_makes_the_forecast_of_cost_unpriced(client, stage):
    project = await stage.project()
    await finished(stage, project, 100_000, None, 200_000)
    text = await read(client, f"/projects/{project.id}/forecast")
    assert "unpriced" in text
    assert "$" not in text


async def test_without_enough_history_nothing_is_foretold(client, stage):
    project = await stage.project()
    await finished(stage, project, 100_000)
    text = await read(client, f"/projects/{project.id}/forecast?model=openai/gpt-5-mini")
    assert "No forecast yet: 1 finished run of aider" in text
    assert "0 finished runs" in await read(client, f"/projects/{project.id}/forecast?model=ollama/qwen3-coder")
    assert (await read(client, f"/projects/{project.id}/forecast?model=nobody/nothing")).strip() == ""


async def test_what_a_run_may_cost_becomes_its_budget(client, stage):
    project = await stage.project()
    _, headers, _ = await send(client, f"/projects/{project.id}/tasks", prompt="mend it", max_cost="0.25")
    run_id = headers["HX-Redirect"].rpartition("/")[2]
    [budget] = await stage.forge.budgets.list(stage.who, run_id=run_id)
    assert (budget.limit_micro, budget.made_by) == (250_000, "admin")
    task = (await stage.forge.runs.get(stage.who, run_id)).task_id
    _, headers, _ = await send(client, f"/tasks/{task}/runs", max_cost="1")
    [budget] = await stage.forge.budgets.list(stage.who, run_id=headers["HX-Redirect"].rpartition("/")[2])
    assert budget.limit_micro == 1_000_000
    assert "$0.00 of $1.00 spent" in await read(client, f"/runs/{budget.scope_id}/calls")


@pytest.mark.parametrize(
    ("given", "said"), [("much", "What it may cost is a sum in dollars"), ("3", "may cost $2.00: give no more")]
)
async def test_a_sum_that_cannot_be_or_that_the_project_does_not_allow_is_refused(client, stage, given, said):
    project = await stage.project()
    path = f"/projects/{project.id}/settings"
    limits = {
        "name": "n",
        "branch": "main",
        "agent": "aider",
        "steps": "7",
        "minutes": "2",
        "version": "1",
        "cost": "2",
    }
    assert (await send(client, path, **limits))[0] == 200
    assert (await stage.forge.projects.get(stage.who, project.id)).limits.cost_micro == 2_000_000
    assert 'value="2.00"' in await read(client, path)
    status, _, text = await send(client, f"/projects/{project.id}/tasks", prompt="mend it", max_cost=given)
    assert (status, said in text) == (422, True)
    assert await stage.forge.runs.list(stage.who) == []


async def test_a_projects_limit_on_cost_is_taken_away(client, stage):
    project = await stage.project()
    limits = {"name": "n", "branch": "main", "agent": "aider", "steps": "7", "minutes": "2"}
    for version, cost in (("1", "2"), ("2", "")):
        await send(client, f"/projects/{project.id}/settings", **limits, version=version, cost=cost)
    assert (await stage.forge.projects.get(stage.who, project.id)).limits.cost_micro is None
