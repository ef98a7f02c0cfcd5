"""The page of a run's model calls."""

from __future__ import annotations

import json
import re

import pytest
from web_asking import read

from codeforge import RunState, Spoken
from codeforge.llm import Price, Tokens
from codeforge_ui_web.exchanges import told

NASTY = "<img src=x onerror=alert(1)>"


async def working(stage):
    number = len(await stage.forge.projects.list(stage.who))
    return await stage.working(await stage.task(await stage.project(name=f"stats {number}")))


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
    assert '<dd class="big">nothing, scripted</dd>' in await read(client, f"/runs/{run.id}/calls")
    other = await working(stage)
    await stage.call(other, cost=None)
    assert '<dd class="big">unpriced</dd>' in await read(client, f"/runs/{other.id}/calls")
    await stage.call(other, cost=2)
    text = await read(client, f"/runs/{other.id}/calls")
    assert '<dd class="big">$0.000002</dd>' in text
    assert "1 unpriced call<" in text


async def test_the_page_asks_for_more_while_the_run_works_and_is_told_nothing_twice(client, stage):
    run = await working(stage)
    assert "Each stands here as soon as it is answered" in await read(client, f"/runs/{run.id}/calls")
    await stage.call(run)
    text = await read(client, f"/runs/{run.id}/calls/now?seen=0-0-0-True")
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


async def keep(stage, run, request, response):
    """Keep what a new call of the run asked and was answered; gives the call's id."""
    await stage.call(run)
    call = (await stage.forge.calls.of_run(stage.who, run.id))[-1]
    document = {"fixtures": [{"match": {}, "response": response, "codeforge": {"request": request}}]}
    kept = Spoken(tenant_id=run.tenant_id, run_id=run.id, call_id=call["id"], document=json.dumps(document))
    await stage.forge.exchanges.keep([kept])
    return call["id"]


CHAT = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [{"type": "text", "text": f"mend {NASTY}"}, {"type": "image_url", "image_url": {}}],
        },
        {"role": "assistant", "tool_calls": [{"function": {"name": "ls", "arguments": '{"path": "src"}'}}]},
        {"role": "tool", "content": "a.py"},
    ],
    "tools": [{"type": "function", "function": {"name": "ls"}}],
}
MESSAGES = {
    "system": [{"type": "text", "text": "Be brief."}],
    "messages": [{"role": "user", "content": [{"type": "tool_result", "content": [{"type": "text", "text": "a.py"}]}]}],
    "tools": [{"name": "ls"}],
}
RESPONSES = {
    "instructions": "Be brief.",
    "input": [{"type": "function_call_output", "output": "a.py"}],
    "tools": [{"type": "function", "name": "ls"}],
}


@pytest.mark.parametrize("request_", [CHAT, MESSAGES, RESPONSES], ids=["chat", "messages", "responses"])
async def test_what_a_call_asked_and_was_answered_is_a_click_away_in_every_protocol(client, stage, request_):
    run = await working(stage)
    answer = {"reasoning": "hm", "content": f"done {NASTY}", "toolCalls": [{"name": "rm", "arguments": "{}"}]}
    call = await keep(stage, run, request_, answer)
    assert f'href="/calls/{call}"' in await read(client, f"/runs/{run.id}/calls")
    text = await read(client, f"/calls/{call}")
    for piece in ("Be brief.", "a.py", "1 tool: ls", "hm", "done &lt;img", "rm {}"):
        assert piece in text, piece
    assert NASTY not in text


async def test_a_picture_is_named_and_calls_of_tools_are_shown(client, stage):
    call = await keep(stage, await working(stage), CHAT, {"content": ""})
    text = await read(client, f"/calls/{call}")
    assert "[a picture]" in text
    assert "ls {&#34;path&#34;: &#34;src&#34;}" in text
    assert "Nothing was answered" in text


async def test_a_long_history_shows_its_end_and_says_so(client, stage):
    messages = [{"role": "user", "content": f"word {n} " + "x" * (30_000 if n == 99 else 1)} for n in range(100)]
    call = await keep(stage, await working(stage), {"messages": messages}, {"error": {"message": "too long"}})
    text = await read(client, f"/calls/{call}")
    assert "60 earlier messages left out" in text
    assert ("word 59 " in text, "word 60 " in text) == (False, True)
    assert "10,008 more characters" in text
    assert "too long" in text


@pytest.mark.parametrize(
    "document", [{}, {"fixtures": "x"}, {"fixtures": [{"response": 3, "codeforge": {"request": []}}]}]
)
async def test_an_exchange_of_a_strange_shape_is_an_empty_one(document):
    assert told(document).asked == ()


async def test_a_call_whose_exchange_is_not_kept_says_so(client, stage):
    run = await working(stage)
    await stage.call(run)
    [call] = await stage.forge.calls.of_run(stage.who, run.id)
    assert "is not kept" in await read(client, f"/calls/{call['id']}")
    assert (await client.get("/calls/nothing")).status == 404


async def test_a_call_under_way_shows_what_is_reserved_and_then_what_it_cost(client, stage):
    run = await working(stage)
    known = (Price(input=1_000_000, output=2_000_000),)
    calls, given = stage.forge.calls, {"provider": "openai", "model": "gpt-5-mini", "run_id": run.id}
    route = "fast: openai/gpt-5-mini, because lab/one answered 503"
    call = await calls.open(
        run.tenant_id,
        known=known,
        prompt_tokens=1000,
        completion_tokens=2000,
        route=route,
        project_id=run.project_id,
        **given,
    )
    text = await read(client, f"/runs/{run.id}/calls")
    assert ">Under way</span>" in text
    assert "at most $0.005" in text
    assert "<dt>Reserved</dt>" in text
    assert route in text
    seen = re.search(r'hx-get="(/runs/[^"]+)"', text)[1]
    assert (await client.get(seen)).status == 204
    await calls.settle(
        run.tenant_id, call, Tokens(prompt=900, completion=100, reasoning=60), status=200, milliseconds=5
    )
    text = await read(client, seen)
    for piece in ("$0.0011", "60 reasoning", "of them reasoning"):
        assert piece in text, piece
    assert "at most" not in text
