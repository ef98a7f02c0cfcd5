"""What goes wrong between agent, gateway and provider: told clearly, cut in time, accounted for, and no key shown."""

import asyncio
import json
import logging
import time

import aiohttp
import openai
import pytest
from aiohttp import web

from codeforge.testing import Step, free_port

ASKED = [{"role": "user", "content": "Say hello to the world."}]
KEY = "sk-canary-0123456789abcdef"
PRICES = {"m": {"input": 1, "output": 1}}


async def ask(house, paper, model="up/m", **options):
    answer = await house.client(paper).chat.completions.create(model=model, messages=ASKED, **options)
    return [chunk async for chunk in answer] if options.get("stream") else answer


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
async def test_a_providers_refusal_reaches_the_agent_as_it_is(house, status, stream):
    house.scripted.script("m", [Step(status=status, text="because of this", code="odd", headers={"Retry-After": "7"})])
    await house.provider("m")
    paper = await house.run("up/m")
    with pytest.raises(openai.APIStatusError, match="because of this") as caught:
        await ask(house, paper, stream=stream)
    assert (caught.value.status_code, caught.value.code) == (status, "odd")
    assert caught.value.response.headers["Retry-After"] == "7"
    [call] = await house.calls(paper)
    assert (call["status"], call["error"]) == (status, "because of this")
    assert (call["prompt_tokens"], call["cost_micro"], call["counted"]) == (0, 0, "reported")


async def test_a_provider_that_listens_no_more_is_named(house):
    await house.provider("m", url=f"http://127.0.0.1:{free_port()}/v1")
    paper = await house.run("up/m")
    with pytest.raises(openai.InternalServerError, match=r"up cannot be reached at http://127\.0\.0\.1") as caught:
        await ask(house, paper)
    assert (caught.value.status_code, caught.value.code) == (502, "provider_unreachable")
    [call] = await house.calls(paper)
    assert (call["status"], call["prompt_tokens"], call["cost_micro"]) == (502, 0, 0)


async def test_a_provider_that_does_not_begin_to_answer_is_given_up_and_its_prompt_counted(house):
    await house.provider("hang", timeouts={"first": 0.2}, prices={"hang": {"input": 1, "output": 1}})
    paper = await house.run("up/hang")
    with pytest.raises(openai.InternalServerError, match=r"up did not begin to answer within 0\.2 s") as caught:
        await ask(house, paper, "up/hang")
    assert (caught.value.status_code, caught.value.code) == (504, "provider_timeout")
    [call] = await house.calls(paper)
    assert (call["status"], call["counted"]) == (504, "counted")
    assert call["prompt_tokens"] > 0
    assert call["cost_micro"] > 0


async def test_a_stream_that_falls_silent_ends_with_an_error_and_is_counted(house):
    await house.provider("hang-midway", timeouts={"idle": 0.2})
    paper = await house.run("up/hang-midway")
    with pytest.raises(openai.APIError, match="said nothing for"):
        await ask(house, paper, "up/hang-midway", stream=True)
    [call] = await house.calls(paper)
    assert (call["status"], call["cost_micro"]) == (504, None)
    assert call["completion_tokens"] > 0


async def test_a_stream_that_breaks_off_ends_with_an_error_and_is_counted(house):
    await house.provider("cut", prices={"cut": {"input": 1, "output": 1}})
    paper = await house.run("up/cut")
    with pytest.raises(openai.APIError, match="broke off in the middle"):
        await ask(house, paper, "up/cut", stream=True)
    [call] = await house.calls(paper)
    assert (call["status"], call["counted"]) == (502, "counted")
    assert call["completion_tokens"] > 0


async def test_a_stream_that_ends_politely_but_too_early_counts_as_broken_off(house, serving):
    async def early(request):
        return web.Response(
            text='data: {"choices":[{"index":0,"delta":{"content":"hel"}}]}', content_type="text/event-stream"
        )

    async with serving(early) as url:
        await house.provider("m", url=url)
        with pytest.raises(openai.APIError, match="broke off in the middle"):
            await ask(house, await house.run("up/m"), stream=True)


async def test_a_stream_without_a_last_word_but_with_a_reason_to_end_is_whole(house, serving):
    async def rude(request):
        text = 'data: {"choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":"stop"}]}\r\n\r\n'
        return web.Response(text=text, content_type="text/event-stream")

    async with serving(rude) as url:
        await house.provider("m", url=url)
        [chunk] = await ask(house, await house.run("up/m"), stream=True)
    assert chunk.choices[0].delta.content == "hello"


@pytest.mark.parametrize(("status", "expected"), [(200, 502), (502, 502), (302, 502), (403, 403)])
async def test_a_web_page_instead_of_an_answer_is_told_as_such(house, serving, status, expected):
    async def page(request):
        return web.Response(status=status, text="<h1>Login</h1>", content_type="text/html")

    async with serving(page) as url:
        await house.provider("m", url=url)
        with pytest.raises(openai.APIStatusError, match=f"up answered {status}, but no JSON: <h1>Login") as caught:
            await ask(house, await house.run("up/m"))
    assert caught.value.status_code == expected


@pytest.mark.parametrize("stream", [False, True])
async def test_stopping_a_run_cuts_its_call_within_a_second_and_closes_the_provider(house, serving, stream):
    began, closed = asyncio.Event(), asyncio.Event()

    async def endless(request):
        try:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            if stream:
                await response.prepare(request)
                await response.write(b'data: {"choices":[{"index":0,"delta":{"content":"12345678"}}]}\n\n')
            began.set()
            await asyncio.Event().wait()
        finally:
            closed.set()

    async with serving(endless) as url:
        await house.provider("m", url=url, prices=PRICES)
        paper = await house.run("up/m")
        asking = asyncio.create_task(ask(house, paper, stream=stream))
        await asyncio.wait_for(began.wait(), 10)
        stopped = time.monotonic()
        await house.forge.runs.stop(house.who, paper.run.id)
        await asyncio.wait_for(closed.wait(), 10)
        assert time.monotonic() - stopped < 1.5
        with pytest.raises(openai.APIError, match="run was stopped"):
            await asking
    [call] = await house.calls(paper)
    assert (call["status"], call["counted"], call["completion_tokens"]) == (401, "counted", 2 if stream else 0)
    with pytest.raises(openai.AuthenticationError):
        await ask(house, paper)
    assert len(await house.calls(paper)) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_when_the_agent_goes_the_provider_is_closed_and_the_call_accounted(house, serving, stream):
    began, closed = asyncio.Event(), asyncio.Event()

    async def slow(request):
        try:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            while True:
                await response.write(b'data: {"choices":[{"index":0,"delta":{"content":"word "}}]}\n\n')
                began.set()
                await asyncio.sleep(0.01)
        finally:
            closed.set()

    async with serving(slow) as url:
        await house.provider("m", url=url, prices=PRICES)
        paper = await house.run("up/m")
        asking = asyncio.create_task(ask(house, paper, stream=stream))
        await asyncio.wait_for(began.wait(), 10)
        asking.cancel()
        await asyncio.wait({asking})
        await asyncio.wait_for(closed.wait(), 10)
        [call] = await house.calls(paper)
    assert (call["status"], call["counted"]) == (499, "counted")
    assert call["prompt_tokens"] > 0


async def test_the_providers_key_is_in_no_answer_log_event_or_record(house, serving, caplog):
    caplog.set_level(logging.DEBUG)
    error = json.dumps({"error": {"message": f"bad key {KEY}"}})
    quoting = [
        web.Response(text=error, status=401, content_type="application/json"),
        web.Response(text=f"<p>{KEY}</p>", content_type="text/html"),
        web.Response(text=f"data: {error}\n\n", content_type="text/event-stream"),
    ]

    async def quote(request):
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        return quoting.pop(0)

    shown = []
    async with serving(quote) as url:
        await house.provider("m", url=url)
        paper = await house.run("up/m")
        for stream in (False, False, True):
            with pytest.raises(openai.APIError) as caught:
                await ask(house, paper, stream=stream)
            shown.append(caught.value.message + str(caught.value.body))
    assert "•••" in shown[0]
    events = await house.forge.history.read(house.who.tenant_id, paper.run.id)
    kept = [*shown, *(repr(call) for call in await house.calls(paper, 3)), repr(events), caplog.text]
    assert KEY not in "\n".join(kept)
    assert KEY not in repr(house.gateway.health()) + repr(await house.forge.models.list(house.who))
    files = [p.read_bytes() for p in house.forge.settings.data_dir.rglob("*") if p.is_file()]
    assert all(KEY.encode() not in data for data in files)


async def test_an_address_that_sends_elsewhere_gets_no_key_there(house, serving):
    reached = []

    async def elsewhere(request):
        reached.append(request)
        return web.Response()

    async with serving(elsewhere) as other:

        async def send_on(request):
            return web.HTTPTemporaryRedirect(f"{other}/chat/completions")

        async with serving(send_on) as url:
            await house.provider("m", url=url)
            with pytest.raises(openai.InternalServerError):
                await ask(house, await house.run("up/m"))
    assert not reached


async def test_a_server_that_stops_in_mid_call_leaves_nothing_behind(open_house, serving):
    began, closed = asyncio.Event(), asyncio.Event()

    async def endless(request):
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            closed.set()

    house = await open_house()
    async with serving(endless) as url:
        await house.provider("m", url=url)
        asking = asyncio.create_task(ask(house, await house.run("up/m")))
        await asyncio.wait_for(began.wait(), 10)
        await house.gateway.close()
        await asyncio.wait_for(closed.wait(), 10)
        with pytest.raises(openai.APIError):
            await asking


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "found",
    [
        {"choices": 5, "usage": 7, "error": None},
        {"choices": [None, 5, {"delta": 3, "message": "x", "index": {}}]},
        {"choices": [{"delta": {"tool_calls": [None, {"index": "a", "function": 5}], "content": 4}}]},
        {"choices": [{}], "usage": {"prompt_tokens": "many", "prompt_tokens_details": [1]}},
    ],
)
async def test_an_answer_of_odd_shape_passes_as_it_is(house, serving, found, stream):
    async def odd(request):
        if stream:
            return web.Response(text=f"data: {json.dumps(found)}\n\ndata: [DONE]\n\n", content_type="text/event-stream")
        return web.json_response(found)

    async with serving(odd) as url:
        await house.provider("m", url=url)
        paper = await house.run("up/m")
        status, text = await post(house, paper, {"model": "up/m", "messages": ASKED, "stream": stream})
    assert status == 200
    assert json.dumps(found) in text
    assert len(await house.calls(paper)) == 1


@pytest.mark.parametrize("model", ["up/m", "replay/any", "record/tape"])
@pytest.mark.parametrize(
    "odd",
    [
        {"messages": [5, None, {"role": 7, "content": 8}, {"content": [1, {"text": 2}]}]},
        {"tools": "x"},
        {"stream_options": []},
    ],
)
async def test_a_request_of_odd_shape_is_no_fault_of_the_server(house, model, odd):
    house.scripted.script("m", lambda seen: Step(text="fine"))
    await house.provider("m")
    for name, content in (
        ("any/1.json", '{"fixtures": [{"match": {}, "response": {"content": "x"}}]}'),
        ("tape/RECORD", "up/m"),
    ):
        path = house.forge.settings.data_dir / "cassettes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    paper = await house.run(model)
    status, _ = await post(house, paper, {"model": model, "messages": ASKED, **odd})
    assert status in (200, 400)


async def post(house, paper, body):
    head = {"Authorization": f"Bearer {paper.key}"}
    url = f"{house.url}/chat/completions"
    async with aiohttp.ClientSession(headers=head) as session, session.post(url, json=body) as answer:
        return answer.status, await answer.text()
