"""The page of a run's model calls."""

from __future__ import annotations

import re

from web_asking import read

from codeforge import RunState

NASTY = "<img src=x onerror=alert(1)>"


async def working(stage):
    return await stage.working(await stage.task(await stage.project()))


async def test_each_call_tells_its_tokens_cost_time_and_how_it_ended(client, stage):
    run = await working(stage)
    await stage.call(run, cost=1234, cached_tokens=2000, milliseconds=1500)
    await stage.call(run, cost=None, counted="counted", milliseconds=20)
    await stage.call(run, cost=0, status=502, error=f"the provider said {NASTY}")
    text = await read(client, f"/runs/{run.id}/calls")
    for piece in ("3 calls", "2,000 cached", "$0.0012", "1.5 s", "20 ms", "tokens counted here", ">502<"):
        assert piece in text, piece
    assert "the provider said &lt;img" in text
    assert NASTY not in text
    numbers = re.findall(r'<td class="nowrap"><span class="count">(\d)', text)
    assert numbers == ["3", "2", "1"]


async def test_a_sum_with_an_unpriced_call_is_unpriced_and_a_recordings_answer_costs_nothing(client, stage):
    run = await working(stage)
    await stage.call(run, cost=5, replayed=True)
    assert "nothing, scripted" in await read(client, f"/runs/{run.id}/calls")
    await stage.call(run, cost=None)
    assert '<dd class="big">unpriced</dd>' in await read(client, f"/runs/{run.id}/calls")


async def test_the_page_asks_for_more_while_the_run_works_and_is_told_nothing_twice(client, stage):
    run = await working(stage)
    assert "Each stands here as soon as it is answered" in await read(client, f"/runs/{run.id}/calls")
    await stage.call(run)
    text = await read(client, f"/runs/{run.id}/calls/now?seen=0-True")
    assert "1 call" in text
    again = re.search(r'hx-get="([^"]+)"', text)[1]
    assert (await client.get(again)).status == 204
    await stage.forge.coordinator.report(run.id, 1, state=RunState.STOPPED)
    ended = await read(client, again)
    assert "hx-get" not in ended
    assert "Under way" not in ended


async def test_a_runs_page_leads_to_its_calls(client, stage):
    run = await working(stage)
    await stage.call(run)
    assert f'<a href="/runs/{run.id}/calls">1 call</a>' in await read(client, f"/runs/{run.id}")


async def test_a_run_that_is_not_there_has_no_calls(client):
    assert (await client.get("/runs/nothing/calls")).status == 404
