"""Budgets on the pages: set, shown with what is spent and reserved, and removed."""

from __future__ import annotations

import re

import pytest
from web_asking import read, send

from codeforge.llm import Price
from codeforge.model import Budget
from codeforge_ui_web.charts import gauge

NASTY = "<img src=x onerror=alert(1)>"


async def spend(stage, cost, **values):
    run = await stage.task(values.pop("project", None) or await stage.project(f"p{cost}"))
    await stage.call(run, cost=cost, **values)
    return run


async def test_a_budget_is_set_changed_and_removed(client, stage):
    project = await stage.project(name=f"shop {NASTY}")
    given = {"of": f"project:{project.id}", "period": "month"}
    status, headers, _ = await send(client, "/costs/budgets", limit="2.50", **given)
    assert (status, headers["HX-Redirect"]) == (200, "/costs/budgets")
    [budget] = await stage.forge.budgets.list(stage.who)
    assert (budget.scope, budget.limit_micro, budget.made_by) == ("project", 2_500_000, "admin")
    text = await read(client, "/costs/budgets")
    assert "Project shop &lt;img" in text
    assert NASTY not in text
    assert "$0.00 of $2.50 spent" in text
    await send(client, "/costs/budgets", limit="$1,000", **given)
    [budget] = await stage.forge.budgets.list(stage.who)
    assert budget.limit_micro == 1_000_000_000
    await send(client, f"/costs/budgets/{budget.id}/remove")
    assert await stage.forge.budgets.list(stage.who) == []


async def test_what_is_spent_and_reserved_stands_beside_the_limit(client, stage):
    run = await spend(stage, 1_700_000)
    await stage.forge.budgets.set(stage.who, "tenant", "", "day", 2_000_000)
    known = (Price(input=1_000_000, output=1_000_000),)
    given = {"provider": "openai", "model": "gpt-5-mini", "known": known, "run_id": run.id}
    await stage.forge.calls.open(run.tenant_id, prompt_tokens=50_000, completion_tokens=50_000, **given)
    for path in ("/costs", "/costs/budgets", f"/runs/{run.id}/calls"):
        text = await read(client, path)
        assert "$1.70 of $2.00 spent" in text, path
        assert "$0.10 reserved for calls under way" in text
        assert '<span class="state wait">85 %</span>' in text


async def test_the_costs_of_one_project_show_the_budgets_that_hold_there(client, stage):
    mine, other = await stage.project("mine"), await stage.project("other")
    for scope, of in (("tenant", ""), ("project", mine.id), ("project", other.id)):
        await stage.forge.budgets.set(stage.who, scope, of, "total", 5_000_000)
    text = await read(client, f"/costs?project={mine.id}")
    assert re.findall(r"(?:Project \w+|All projects)(?=</a>|</strong>)", text) == ["All projects", "Project mine"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"limit": "much"}, "The limit is a sum in dollars"),
        ({"limit": "-1"}, "The limit is a sum in dollars"),
        ({"limit": "nan"}, "The limit is a sum in dollars"),
        ({"limit": "0.0000001"}, "at most six places"),
        ({"limit": "1e99"}, "The limit is a sum in dollars"),
        ({"period": "age"}, "A budget is of"),
        ({"of": "project:nothing"}, "There is no project nothing"),
        ({"of": ""}, "A budget is of"),
    ],
)
async def test_what_cannot_be_a_budget_is_refused_in_place(client, stage, given, said):
    status, _, text = await send(client, "/costs/budgets", **{"of": "tenant:", "limit": "2", "period": "day", **given})
    assert status in (404, 422)
    assert said in text
    assert await stage.forge.budgets.list(stage.who) == []


async def test_who_may_not_administer_changes_no_budget(stage, stranger):
    _, token = await stage.forge.accounts.new_token(stage.who, "scripts", ("read", "write"))
    for path in ("/costs/budgets", "/costs/budgets/x/remove"):
        answer = await stranger.post(path, data={}, headers={"Authorization": f"Bearer {token}"})
        assert answer.status == 403


@pytest.mark.parametrize(
    ("limit", "spent", "held", "tone", "share", "marks"),
    [
        (100, 79, 0, "good", 79, (79, 0, 80, 100)),
        (100, 80, 10, "wait", 80, (80, 10, 80, 100)),
        (100, 100, 0, "bad", 100, (100, 0, 80, 100)),
        (100, 200, 0, "bad", 200, (100, 0, 40, 50)),
        (0, 0, 0, "bad", 100, (0, 0, 0, 0)),
    ],
)
def test_a_bar_marks_where_80_and_100_per_cent_are(limit, spent, held, tone, share, marks):
    facts = {"id": "b", "scope": "tenant", "scope_id": "", "period": "day", "since": None, "until": None}
    found = gauge(Budget(**facts, made_by="a", created_at=None, limit_micro=limit, spent_micro=spent, held_micro=held))
    assert (found.tone, found.share) == (tone, share)
    assert (found.spent, found.held, found.warning, found.limit) == marks
