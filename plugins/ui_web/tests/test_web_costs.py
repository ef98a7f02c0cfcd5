"""The page of costs: what was paid, in parts, and what nobody knows the price of."""

from __future__ import annotations

import re

import pytest
from web_asking import read

from codeforge.store import tables as t

NASTY = "<img src=x onerror=alert(1)>"


async def called(stage, *costs, model="openai/gpt-5-mini", **values):
    """A run with a call of each cost."""
    run = await stage.task(values.pop("project", None) or await stage.project(), model=model)
    for cost in costs:
        await stage.call(run, cost=cost, **values)
    return run


async def test_a_sum_with_unpriced_calls_says_so_beside_what_is_known(client, stage):
    await called(stage, 2_500_000, None, None)
    text = await read(client, "/costs?by=model")
    assert "$2.50" in text
    assert "and 2 unpriced calls" in text
    assert "<dt>Not in it</dt>" in text
    only_unpriced = await stage.project("shed")
    await called(stage, None, project=only_unpriced)
    text = await read(client, f"/costs?by=project&project={only_unpriced.id}")
    assert "$0" not in text
    assert "unpriced" in text


async def test_a_day_is_a_bar_with_its_words_and_a_line_of_the_table(client, stage):
    await called(stage, 2_500_000)
    text = await read(client, "/costs")
    assert text.count("<title>") == 1 + 30  # the page's, and one for each of thirty days
    assert text.count(": $2.50</title>") == 1
    assert text.count(": no call</title>") == 29
    assert len(re.findall(r"<td>\d{4}-\d\d-\d\d</td>", text)) == 1


async def test_every_grouping_has_its_names(client, stage):
    project = await stage.project(name=f"shop {NASTY}")
    await called(stage, 1000, project=project)
    for grouping, name in (
        ("project", f'href="/projects/{project.id}">shop &lt;img'),
        ("agent", "<td>aider</td>"),
        ("model", "<td>openai/gpt-5-mini</td>"),
        ("provider", "<td>openai</td>"),
        ("person", "<td>admin</td>"),
    ):
        text = await read(client, f"/costs?by={grouping}")
        assert name in text, grouping
        assert NASTY not in text


async def test_calls_of_a_removed_project_stay_in_the_sum(client, stage):
    project = await stage.project()
    await called(stage, 1000, project=project)
    await stage.forge.store.run(None, lambda door: door.delete(t.Project, t.Project.id == project.id))
    assert "a removed project" in await read(client, "/costs?by=project")


async def test_the_table_for_spreadsheets_is_of_what_the_page_shows(client, stage):
    run = await called(stage, 1000)
    await called(stage, 7, project=await stage.project("shed"))
    text = await read(client, f"/costs?by=agent&since=2026-01-01&until=&project={run.project_id}")
    path = re.search(r'href="(/api/v1/costs\?[^"]+)"', text)[1].replace("&amp;", "&")
    assert (await read(client, path)).splitlines()[1] == "aider,aider,1,2048,512,0,0.001000,0"


async def test_times_without_a_call_and_spans_are_told(client, stage):
    await called(stage, 1000)
    text = await read(client, "/costs?by=model&since=2001-01-01&until=2001-01-31")
    assert "No model call in this time" in text
    assert 'value="2001-01-31"' in text
    assert re.search(r'aria-current="true">30 days<', await read(client, "/costs"))
    assert re.search(r'aria-current="true">All time<', await read(client, "/costs?by=model&since="))


@pytest.mark.parametrize(("query", "said"), [("since=soon", "soon is no day"), ("by=colour", "not by colour")])
async def test_what_cannot_be_added_up_is_told_in_a_sentence(client, query, said):
    answer = await client.get(f"/costs?{query}")
    assert (answer.status, said in await answer.text()) == (422, True)


async def test_the_old_address_leads_to_the_page(client):
    assert "<h1>Costs</h1>" in await read(client, "/usage")
