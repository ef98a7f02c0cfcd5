"""Calls through the gateway by OpenAI's own client: answers, streams, tools, keys, use and cost."""

import asyncio

import aiohttp
import openai
import pytest

from codeforge.testing import Step
from codeforge_llm_litellm.protocols.chat import Chat
from codeforge_llm_litellm.trouble import Trouble

ASKED = [{"role": "user", "content": "Say hello to the world."}]
PRICES = {"m": {"input": 2.5, "output": 10, "cached": 1.25}}


async def told(stream):
    return [chunk async for chunk in stream]


async def test_an_answer_comes_back_with_its_use_and_the_providers_name_of_the_model_is_asked_for(house):
    house.scripted.script("m", ["hello"])
    await house.provider("m", prices=PRICES)
    paper = await house.run("up/m")
    answer = await house.client(paper).chat.completions.create(
        model="up/m", messages=ASKED, extra_body={"odd": {"x": 1}}
    )
    assert answer.choices[0].message.content == "hello"
    seen = house.scripted.requests[0]
    assert (seen.model, seen.key, seen.body["odd"]) == ("m", "sk-canary-0123456789abcdef", {"x": 1})
    [call] = await house.calls(paper)
    assert (call["provider"], call["model"], call["status"], call["streamed"]) == ("up", "up/m", 200, False)
    assert (call["prompt_tokens"], call["completion_tokens"], call["counted"]) == (1111, 222, "reported")
    assert call["cost_micro"] == 4998  # 1111 * 2.5 + 222 * 10 = 4997.5
    assert (await house.forge.runs.get(house.who, paper.run.id)).usage.cost_micro == 4998


async def test_a_stream_passes_and_its_usage_chunk_stays_with_the_gateway(house):
    house.scripted.script("m", [Step(text="hello there, world", size=5)])
    await house.provider("m")
    paper = await house.run("up/m")
    chunks = await told(await house.client(paper).chat.completions.create(model="up/m", messages=ASKED, stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == "hello there, world"
    assert all(chunk.choices for chunk in chunks)
    assert house.scripted.requests[0].body["stream_options"] == {"include_usage": True}
    [call] = await house.calls(paper)
    assert (call["prompt_tokens"], call["completion_tokens"], call["streamed"]) == (1111, 222, True)


async def test_an_agent_that_asks_for_the_usage_chunk_gets_it(house):
    house.scripted.script("m", ["hello"])
    await house.provider("m")
    create = house.client(await house.run("up/m")).chat.completions.create
    chunks = await told(await create(model="up/m", messages=ASKED, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].usage.prompt_tokens == 1111


@pytest.mark.parametrize("stream", [False, True])
async def test_tools_pass_in_both_directions(house, stream):
    house.scripted.script("m", [Step(tools=[("read", {"path": "a.py"})])])
    await house.provider("m")
    tools = [{"type": "function", "function": {"name": "read", "parameters": {"type": "object", "properties": {}}}}]
    create = house.client(await house.run("up/m")).chat.completions.create
    answer = await create(model="up/m", messages=ASKED, tools=tools, stream=stream)
    if stream:
        calls = [c for chunk in await told(answer) for c in chunk.choices[0].delta.tool_calls or []]
    else:
        calls = answer.choices[0].message.tool_calls
    assert [(c.function.name, c.function.arguments) for c in calls] == [("read", '{"path": "a.py"}')]
    assert house.scripted.requests[0].body["tools"] == tools


async def test_the_record_of_a_call_is_there_before_the_agent_sees_the_answers_end(house):
    house.scripted.script("m", ["hello"])
    await house.provider("m")
    paper = await house.run("up/m")
    client = house.client(paper)
    for number in range(1, 11):
        await told(await client.chat.completions.create(model="up/m", messages=ASKED, stream=True))
        assert len(await house.forge.calls.of_run(house.who, paper.run.id)) == number


async def test_without_a_price_the_cost_is_unknown_and_not_nothing(house):
    house.scripted.script("m", ["hello"])
    await house.provider("m")
    paper = await house.run("up/m")
    await house.client(paper).chat.completions.create(model="up/m", messages=ASKED)
    [call] = await house.calls(paper)
    assert (call["cost_micro"], call["counted"]) == (None, "unpriced")
    assert (await house.forge.runs.get(house.who, paper.run.id)).usage.cost_micro is None


@pytest.mark.parametrize("stream", [False, True])
async def test_where_the_provider_reports_nothing_tokens_are_counted_and_said_to_be(house, stream):
    house.scripted.script("m", [Step(text="x" * 400, usage=None)])
    await house.provider("m", prices=PRICES)
    paper = await house.run("up/m")
    answer = await house.client(paper).chat.completions.create(model="up/m", messages=ASKED, stream=stream)
    if stream:
        await told(answer)
    [call] = await house.calls(paper)
    assert (call["counted"], call["completion_tokens"]) == ("counted", 100)
    assert 10 <= call["prompt_tokens"] <= 30
    assert call["cost_micro"] > 1000


async def test_an_unknown_key_is_refused(house):
    await house.provider("m")
    paper = await house.run("up/m")
    with pytest.raises(openai.AuthenticationError, match="no key of a run"):
        await house.client(paper, api_key="cfrun_wrong").chat.completions.create(model="up/m", messages=ASKED)


async def test_a_key_is_good_for_its_runs_model_only(house):
    await house.provider("m", "other")
    client = house.client(await house.run("up/m"))
    with pytest.raises(openai.PermissionDeniedError, match="good for up/m, not for up/other") as caught:
        await client.chat.completions.create(model="up/other", messages=ASKED)
    assert caught.value.code == "model_not_allowed"
    assert [model.id async for model in client.models.list()] == ["up/m"]
    assert (await client.models.retrieve("up/m")).owned_by == "codeforge"


async def test_a_provider_that_was_removed_is_said_to_be_gone(house):
    await house.provider("m")
    client = house.client(await house.run("up/m"))
    await house.forge.providers.remove(house.who, "up")
    with pytest.raises(openai.NotFoundError, match="up/m"):
        await client.chat.completions.create(model="up/m", messages=ASKED)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"model": 5, "messages": []}', b"[" * 100_000])
async def test_what_is_no_request_is_answered_in_openais_form(house, body):
    await house.provider("m")
    paper = await house.run("up/m")
    head = {"Authorization": f"Bearer {paper.key}"}
    url = f"{house.url}/chat/completions"
    async with aiohttp.ClientSession(headers=head) as session, session.post(url, data=body) as answer:
        error = (await answer.json())["error"]
    assert (answer.status, error["type"]) == (400, "invalid_request_error")
    assert error["message"]


async def test_a_request_of_ten_megabytes_passes(house):
    house.scripted.script("m", ["hello"])
    await house.provider("m")
    client = house.client(await house.run("up/m"))
    long = [{"role": "user", "content": "x" * 10_000_000}]
    answer = await client.chat.completions.create(model="up/m", messages=long)
    assert answer.choices[0].message.content == "hello"


async def test_the_prefix_that_agents_put_before_a_models_name_is_understood(house):
    house.scripted.script("m", ["hello"])
    await house.provider("m")
    answer = await house.client(await house.run("up/m")).chat.completions.create(model="openai/up/m", messages=ASKED)
    assert answer.choices[0].message.content == "hello"


async def test_an_alias_is_a_model_like_any_other_and_may_stand_for_another_alias(house):
    house.scripted.script("m", ["hello"])
    await house.provider("m", prices=PRICES)
    await house.forge.aliases.set(house.who, "fast", "up/m")
    await house.forge.aliases.set(house.who, "default", "fast")
    paper = await house.run("default")
    answer = await house.client(paper).chat.completions.create(model="default", messages=ASKED)
    assert answer.choices[0].message.content == "hello"
    [call] = await house.calls(paper)
    assert (call["provider"], call["model"], call["cost_micro"]) == ("up", "up/m", 4998)


async def test_fifty_streams_at_once_all_come_whole_and_are_counted(house):
    house.scripted.script("m", [Step(text="one two three " * 20, size=10, pause=0.01)])
    await house.provider("m")
    paper = await house.run("up/m")
    client = house.client(paper)

    async def one():
        chunks = await told(await client.chat.completions.create(model="up/m", messages=ASKED, stream=True))
        return "".join(c.choices[0].delta.content or "" for c in chunks)

    assert set(await asyncio.gather(*(one() for _ in range(50)))) == {"one two three " * 20}
    assert {call["counted"] for call in await house.calls(paper, 50)} == {"unpriced"}
    assert len(await house.calls(paper, 50)) == 50


def test_a_trouble_speaks_openais_language():
    body = Chat().error(Trouble(402, "budget_exceeded", "spent"))
    assert body == {
        "error": {"message": "spent", "type": "insufficient_quota", "param": None, "code": "budget_exceeded"}
    }
