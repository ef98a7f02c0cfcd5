"""Messages by Anthropic's own client: passed through where the provider speaks them, told from chats elsewhere."""

import asyncio
import json

import aiohttp
import anthropic
import pytest
from aiohttp import web

from codeforge.testing import Step

KEY = "sk-canary-0123456789abcdef"
ASKED = [{"role": "user", "content": "Say hello to the world."}]
TOOLS = [{"name": "read", "description": "Reads.", "input_schema": {"type": "object", "properties": {}}}]
START = {"input_tokens": 100, "output_tokens": 1, "cache_read_input_tokens": 50, "cache_creation_input_tokens": 10}
USAGE = {**START, "output_tokens": 20}
SAID = [
    {"type": "thinking", "thinking": "Hm.", "signature": "proof"},
    {"type": "text", "text": "Hello."},
    {"type": "tool_use", "id": "t1", "name": "read", "input": {"path": "a"}},
]
HEAD = {"id": "m1", "type": "message", "role": "assistant", "model": "c"}
ENDED = {"stop_reason": "tool_use", "stop_sequence": None}
EVENTS = [
    {"type": "message_start", "message": {**HEAD, "content": [], "stop_reason": None, "usage": START}},
    {"type": "ping"},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "proof"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hello."}},
    {"type": "content_block_stop", "index": 1},
    {"type": "content_block_start", "index": 2, "content_block": {**SAID[2], "input": {}}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"path": "a"}'}},
    {"type": "content_block_stop", "index": 2},
    {"type": "message_delta", "delta": ENDED, "usage": {"output_tokens": 20}, "odd": 1},
    {"type": "message_stop"},
]


def streamed(events):
    return b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in events)


class Claude:
    """A provider that speaks Anthropic's messages; ``fault`` is what it answers instead."""

    def __init__(self):
        self.seen, self.fault, self.events = [], None, EVENTS

    async def answer(self, request):
        if request.path == "/v1/models":
            return web.json_response({"data": [{"id": "claude-sonnet-4-5"}]})
        body = await request.json()
        self.seen.append((request.path, dict(request.headers), body))
        if self.fault:
            return self.fault
        if request.path.endswith("/count_tokens"):
            return web.json_response({"input_tokens": 4321})
        head = {"request-id": "req_1", "anthropic-ratelimit-requests-remaining": "9"}
        if body.get("stream"):
            return web.Response(body=streamed(self.events), headers={**head, "Content-Type": "text/event-stream"})
        return web.json_response({**HEAD, "content": SAID, **ENDED, "usage": USAGE, "odd": 1}, headers=head)


@pytest.fixture
async def claude(house, serving):
    provider = Claude()
    async with serving(provider.answer) as url:
        await house.provider(name="anthropic", kind="anthropic", url=url)
        yield provider


async def raw(house, paper, body, path="/llm/anthropic/v1/messages", **head):
    head = {"x-api-key": paper.key, **head}
    async with (
        aiohttp.ClientSession(headers=head) as session,
        session.post(house.forge.url + path, json=body) as answer,
    ):
        return answer.status, answer.headers, await answer.read()


@pytest.mark.parametrize("path", ["/llm/anthropic", "/llm"])
async def test_a_provider_that_speaks_it_gets_the_request_and_its_answer_comes_back(house, claude, path):
    paper = await house.run("anthropic/claude-sonnet-4-5")
    answer = await house.claude(paper, path).beta.messages.create(
        model=paper.run.model, max_tokens=50, messages=ASKED, tools=TOOLS, betas=["some-2025"], extra_body={"odd": [1]}
    )
    assert [block.model_dump(exclude_none=True) for block in answer.content][1:] == SAID[1:]
    assert (answer.content[0].signature, answer.stop_reason, answer.usage.input_tokens) == ("proof", "tool_use", 100)
    [(path, head, body)] = [seen for seen in claude.seen if seen[0].startswith("/v1/messages")]
    assert (path, head["x-api-key"], head["anthropic-beta"]) == ("/v1/messages", KEY, "some-2025")
    assert "Authorization" not in head
    assert (body["model"], body["odd"], body["tools"]) == ("claude-sonnet-4-5", [1], TOOLS)
    [call] = await house.calls(paper)
    assert (call["prompt_tokens"], call["completion_tokens"], call["cached_tokens"]) == (160, 20, 50)
    assert (call["counted"], call["cost_micro"]) == ("reported", 653)


async def test_a_stream_passes_byte_by_byte_and_is_accounted(house, claude):
    paper = await house.run("anthropic/claude-sonnet-4-5")
    body = {"model": paper.run.model, "max_tokens": 50, "messages": ASKED, "stream": True}
    status, head, data = await raw(house, paper, body, **{"anthropic-version": "2024-01-01"})
    assert (status, data) == (200, streamed(EVENTS))
    assert (head["request-id"], head["anthropic-ratelimit-requests-remaining"]) == ("req_1", "9")
    assert claude.seen[-1][1]["anthropic-version"] == "2024-01-01"
    [call] = await house.calls(paper)
    assert (call["prompt_tokens"], call["completion_tokens"], call["cached_tokens"]) == (160, 20, 50)
    assert (call["counted"], call["cost_micro"], call["streamed"]) == ("reported", 653, True)


async def test_the_clients_stream_gathers_the_same_message(house, claude):
    paper = await house.run("anthropic/claude-sonnet-4-5")
    async with house.claude(paper).messages.stream(
        model=paper.run.model, max_tokens=50, messages=ASKED, tools=TOOLS
    ) as stream:
        message = await stream.get_final_message()
    assert [block.type for block in message.content] == ["thinking", "text", "tool_use"]
    assert message.content[2].input == {"path": "a"}


@pytest.mark.parametrize("auth", ["x-api-key", "bearer"])
async def test_a_key_comes_in_either_field_of_the_head(house, claude, auth):
    paper = await house.run("anthropic/claude-sonnet-4-5")
    options = {"api_key": paper.key} if auth == "x-api-key" else {"api_key": None, "auth_token": paper.key}
    found = [model.id async for model in house.claude(paper, **options).models.list()]
    assert found == [paper.run.model]
    assert [model.id async for model in house.claude(paper, "/llm", **options).models.list()] == found
    assert (await house.claude(paper, **options).models.retrieve(paper.run.model)).display_name == paper.run.model
    with pytest.raises(anthropic.NotFoundError):
        await house.claude(paper, **options).models.retrieve("other")
    with pytest.raises(anthropic.AuthenticationError, match="no key of a run"):
        await house.claude(paper, api_key="cfrun_wrong").models.list()


async def test_tokens_are_counted_by_a_provider_that_can_and_else_by_us(house, claude):
    paper = await house.run("anthropic/claude-sonnet-4-5")
    count = house.claude(paper).messages.count_tokens
    assert (await count(model=paper.run.model, messages=ASKED)).input_tokens == 4321
    assert "max_tokens" not in claude.seen[-1][2]
    claude.fault = web.json_response({}, status=500)
    assert 5 < (await count(model=paper.run.model, messages=ASKED)).input_tokens < 30
    await house.provider("m")
    other = await house.run("up/m")
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 100_000}}
    long = [{"role": "user", "content": [{"type": "text", "text": "x" * 4000}, picture]}]
    counted = await house.claude(other).messages.count_tokens(model="up/m", messages=long)
    assert 2600 < counted.input_tokens < 2700
    assert not await house.forge.calls.of_run(house.who, other.run.id)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_model_of_an_openai_compatible_provider_answers(house, stream):
    house.scripted.script("m", [Step(text="Hello, world.", reasoning="Well then.", tools=[("read", {"path": "a.py"})])])
    await house.provider("m", prices={"m": {"input": 1, "output": 2}})
    paper = await house.run("up/m")
    options = {"model": "up/m", "max_tokens": 50, "messages": ASKED, "tools": TOOLS, "system": "Be brief."}
    if stream:
        async with house.claude(paper).messages.stream(**options) as events:
            message = await events.get_final_message()
    else:
        message = await house.claude(paper).messages.create(**options)
    assert [block.type for block in message.content] == ["thinking", "text", "tool_use"]
    assert (message.content[0].thinking, message.content[1].text) == ("Well then.", "Hello, world.")
    assert (message.content[2].name, message.content[2].input) == ("read", {"path": "a.py"})
    assert (message.stop_reason, message.usage.input_tokens, message.usage.output_tokens) == ("tool_use", 1111, 222)
    seen = house.scripted.requests[0].body
    assert seen["messages"] == [{"role": "system", "content": "Be brief."}, *ASKED]
    assert (seen["max_tokens"], seen["tools"][0]["function"]["name"]) == (50, "read")
    [call] = await house.calls(paper)
    assert (call["prompt_tokens"], call["completion_tokens"], call["counted"]) == (1111, 222, "reported")
    assert (call["cost_micro"], call["streamed"]) == (1555, stream)


async def test_a_server_that_is_said_to_speak_it_gets_it_as_it_is(house, serving):
    provider = Claude()
    async with serving(provider.answer) as url:
        await house.provider("m", url=f"{url}/v1", protocols=["chat", "messages"])
        paper = await house.run("up/m")
        answer = await house.claude(paper).messages.create(model="up/m", max_tokens=50, messages=ASKED)
    assert answer.content[2].input == {"path": "a"}
    [(path, head, body)] = provider.seen
    assert (path, head["Authorization"], body["model"]) == ("/v1/messages", f"Bearer {KEY}", "m")
    assert "x-api-key" not in head


async def test_a_provider_that_streams_nothing_is_told_as_a_stream_of_one_piece(house, serving):
    async def whole(request):
        message = {"role": "assistant", "content": "Hello, world."}
        return web.json_response({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

    async with serving(whole) as url:
        await house.provider("m", url=url)
        paper = await house.run("up/m")
        async with house.claude(paper).messages.stream(model="up/m", max_tokens=50, messages=ASKED) as stream:
            assert (await stream.get_final_message()).content[0].text == "Hello, world."
        [call] = await house.calls(paper)
    assert (call["status"], call["completion_tokens"]) == (200, 4)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_providers_silence_about_its_use_is_counted_by_us(house, stream):
    house.scripted.script("m", [Step(text="x" * 400, usage=None)])
    await house.provider("m")
    paper = await house.run("up/m")
    body = {"model": "up/m", "max_tokens": 500, "messages": ASKED, "stream": stream}
    assert (await raw(house, paper, body))[0] == 200
    [call] = await house.calls(paper)
    assert call["completion_tokens"] == 100
    assert 10 <= call["prompt_tokens"] <= 30


async def test_pictures_tools_results_and_schemas_are_understood(house):
    house.scripted.script("m", ["fine"])
    await house.provider("m")
    paper = await house.run("up/m")
    png = {"type": "base64", "media_type": "image/png", "data": "QUJD"}
    messages = [
        {"role": "user", "content": [{"type": "image", "source": png}, {"type": "text", "text": "What is it?"}]},
        {"role": "assistant", "content": SAID},
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "t1",
                    "content": [{"type": "text", "text": "one"}, {"type": "image", "source": png}],
                },
                {"type": "text", "text": "Go on."},
            ],
        },
    ]
    await house.claude(paper).messages.create(
        model="up/m",
        max_tokens=9,
        messages=messages,
        tools=TOOLS,
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        stop_sequences=["END"],
        extra_body={"seed": 7},
    )
    seen = house.scripted.requests[0].body
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    called = {"id": "t1", "type": "function", "function": {"name": "read", "arguments": '{"path": "a"}'}}
    assert seen["messages"] == [
        {"role": "user", "content": [picture, {"type": "text", "text": "What is it?"}]},
        {"role": "assistant", "content": "Hello.", "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "t1", "content": "one"},
        {"role": "user", "content": [picture, {"type": "text", "text": "Go on."}]},
    ]
    assert (seen["tool_choice"], seen["parallel_tool_calls"], seen["stop"], seen["seed"]) == (
        "required",
        False,
        ["END"],
        7,
    )


async def test_a_stream_that_breaks_off_ends_with_anthropics_error_and_is_accounted(house, claude):
    claude.events = EVENTS[:9]
    paper = await house.run("anthropic/claude-sonnet-4-5")
    body = {"model": paper.run.model, "max_tokens": 50, "messages": ASKED, "stream": True}
    _, _, data = await raw(house, paper, body)
    assert data.startswith(streamed(EVENTS[:9]))
    [kind, said] = data[len(streamed(EVENTS[:9])) :].decode().strip().split("\n")
    error = json.loads(said.removeprefix("data: "))
    assert (kind, error["type"], error["error"]["type"]) == ("event: error", "error", "api_error")
    assert "broke off" in error["error"]["message"]
    with pytest.raises(anthropic.APIStatusError, match="broke off"):
        async with house.claude(paper).messages.stream(model=paper.run.model, max_tokens=50, messages=ASKED) as stream:
            await stream.get_final_message()
    for call in await house.calls(paper, 2):  # what the provider said of the prompt holds, the rest is counted
        assert (call["prompt_tokens"], call["cached_tokens"], call["counted"]) == (160, 50, "counted")
        assert call["completion_tokens"] == 3


async def test_an_error_event_of_the_provider_is_the_streams_end(house, claude):
    claude.events = [*EVENTS[:8], {"type": "error", "error": {"type": "overloaded_error", "message": f"busy {KEY}"}}]
    paper = await house.run("anthropic/claude-sonnet-4-5")
    body = {"model": paper.run.model, "max_tokens": 50, "messages": ASKED, "stream": True}
    _, _, data = await raw(house, paper, body)
    assert data.decode() == streamed(claude.events).decode().replace(KEY, "•••")
    [call] = await house.calls(paper)
    assert (call["error"], call["prompt_tokens"]) == ("busy •••", 160)


@pytest.mark.parametrize("then", ["cut", "error"])
async def test_a_chats_stream_that_fails_is_told_in_anthropics_form(house, then):
    house.scripted.script("m", [Step(text="one two three four", then=then, until=0.5, size=3, code="odd")])
    await house.provider("m")
    paper = await house.run("up/m")
    with pytest.raises(anthropic.APIStatusError, match="broke off" if then == "cut" else "scripted error"):
        async with house.claude(paper).messages.stream(model="up/m", max_tokens=50, messages=ASKED) as stream:
            await stream.get_final_message()
    [call] = await house.calls(paper)
    assert call["completion_tokens"] > 0
    assert call["error"]


@pytest.mark.parametrize("native", [True, False])
async def test_when_the_agent_goes_in_mid_stream_the_provider_is_closed_and_the_call_accounted(house, serving, native):
    began, closed = asyncio.Event(), asyncio.Event()
    word = b'data: {"choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'

    async def slow(request):
        if request.method == "GET":
            return web.json_response({"data": []})
        try:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            if native:
                await response.write(streamed([EVENTS[0], EVENTS[6]]))
            while True:
                await response.write(streamed([{**EVENTS[7], "index": 0}]) if native else word)
                began.set()
                await asyncio.sleep(0.01)
        finally:
            closed.set()

    async with serving(slow) as url:
        kind = "anthropic" if native else "openai-compatible"
        await house.provider("m", url=url, kind=kind)
        paper = await house.run("up/m")
        stream = await house.claude(paper).messages.create(model="up/m", max_tokens=9, messages=ASKED, stream=True)
        async for event in stream:
            if event.type == "content_block_delta":
                break
        await asyncio.wait_for(began.wait(), 10)
        await stream.close()
        await asyncio.wait_for(closed.wait(), 10)
        [call] = await house.calls(paper)
    assert call["status"] == 499
    assert call["prompt_tokens"] > 0
    assert call["completion_tokens"] > 0


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": ASKED},
        {"model": "up/m"},
        {"model": "up/m", "messages": ASKED},
        {"model": "up/m", "messages": [], "max_tokens": True},
    ],
)
async def test_what_is_no_message_is_refused_in_anthropics_form(house, body):
    await house.provider("m")
    status, _, data = await raw(house, await house.run("up/m"), body)
    error = json.loads(data)
    assert (status, error["type"], error["error"]["type"]) == (400, "error", "invalid_request_error")
    assert error["error"]["message"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "odd",
    [
        {
            "messages": [
                5,
                None,
                {"role": 7, "content": 8},
                {"content": [1, {"type": "text", "text": 2}, {"type": "image"}]},
            ]
        },
        {"tools": "x", "tool_choice": "y", "system": [3, {"text": None}], "output_config": 4},
        {
            "messages": [
                {"role": "user", "content": [{"type": "document", "source": {"type": "content", "content": 5}}]}
            ]
        },
    ],
)
async def test_a_request_of_odd_shape_is_no_fault_of_the_server(house, odd, stream):
    house.scripted.script("m", ["fine"])
    await house.provider("m")
    paper = await house.run("up/m")
    status, _, _ = await raw(
        house, paper, {"model": "up/m", "max_tokens": 5, "messages": ASKED, "stream": stream, **odd}
    )
    assert status in (200, 400)
