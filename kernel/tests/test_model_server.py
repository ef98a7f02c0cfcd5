"""The scripted model server behaves as a provider would, faults included."""

import asyncio
import json

import aiohttp
import pytest

from codeforge.testing import ScriptedModels, Step, search_replace


@pytest.fixture
async def models():
    async with ScriptedModels() as server:
        yield server


@pytest.fixture
async def post(models):
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer k"}) as session:

        def ask(model, **more):
            body = {"model": model, "messages": [{"role": "user", "content": "hello"}], **more}
            return session.post(models.url + "/chat/completions", json=body)

        yield ask


async def streamed(response):
    lines = (await response.text()).strip().split("\n\n")
    return lines[-1], [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


async def test_steps_are_answered_in_order_and_the_last_for_ever(models, post):
    models.script("m", ["one", Step(text="two", status=500), "three"])
    answers = [(await (await post("m")).json()) for _ in range(4)]
    texts = [a["choices"][0]["message"]["content"] if "choices" in a else a["error"]["message"] for a in answers]
    assert texts == ["one", "two", "three", "three"]
    assert [(seen.model, seen.key, seen.text, seen.done) for seen in models.requests] == [("m", "k", "hello", True)] * 4


async def test_a_stream_carries_reasoning_text_tools_and_usage(models, post):
    models.script("m", [Step(text="x" * 50, reasoning="hm", tools=[("bash", {"command": "ls"})])])
    last, chunks = await streamed(await post("m", stream=True, stream_options={"include_usage": True}))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    assert last == "data: [DONE]"
    assert "".join(delta.get("content", "") for delta in deltas) == "x" * 50
    assert [delta["reasoning_content"] for delta in deltas if "reasoning_content" in delta] == ["hm"]
    calls = [call["function"] for delta in deltas for call in delta.get("tool_calls", [])]
    assert calls == [{"name": "bash", "arguments": '{"command": "ls"}'}]
    assert chunks[-2]["choices"][0]["finish_reason"] == "tool_calls"
    assert chunks[-1]["usage"]["total_tokens"] == 1333


async def test_a_function_answers_to_what_was_asked(models, post):
    models.script("m", lambda seen: Step(text=search_replace("a", "", seen.text + "\n")))
    assert "=======\nhello\n" in (await (await post("m")).json())["choices"][0]["message"]["content"]


@pytest.mark.parametrize(("model", "statuses"), [("fail-429x2", [429, 429, 200]), ("fail-401", [401] * 3)])
async def test_a_model_s_name_tells_how_it_fails(post, model, statuses):
    assert [(await post(model)).status for _ in range(3)] == statuses


async def test_a_model_that_nobody_scripted_is_not_found(post):
    assert (await post("nobody")).status == 404


@pytest.mark.parametrize("stream", [True, False])
async def test_a_cut_connection_breaks_off_the_answer(models, post, stream):
    models.script("m", [Step(text="x" * 100, until=0.5, then="cut")])
    with pytest.raises(aiohttp.ClientError):
        await (await post("m", stream=stream)).read()


async def test_an_error_can_come_in_mid_stream(models, post):
    models.script("m", [Step(text="x" * 100, until=0.5, then="error", code="budget_exceeded")])
    _, chunks = await streamed(await post("m", stream=True))
    assert chunks[-1]["error"]["code"] == "budget_exceeded"


@pytest.mark.parametrize("model", ["hang", "hang-midway"])
async def test_a_hanging_model_keeps_the_connection_open_until_the_client_goes(models, post, model):
    asking = asyncio.create_task(_read(post(model, stream=True)))
    (seen,) = await models.seen(1)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert not seen.done


async def _read(request):
    async with request as response:
        return await response.read()


async def test_the_server_closes_at_once_while_an_answer_hangs():
    async with aiohttp.ClientSession() as session, asyncio.timeout(5):
        async with ScriptedModels() as models:
            body = {"model": "hang", "messages": []}
            asking = asyncio.create_task(_read(session.post(models.url + "/chat/completions", json=body)))
            await models.seen(1)
        with pytest.raises(aiohttp.ClientError):
            await asking
