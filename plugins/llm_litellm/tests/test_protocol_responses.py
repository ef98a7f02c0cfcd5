"""Responses by OpenAI's own client: passed through where the provider speaks them, told from chats elsewhere."""

import asyncio
import json

import aiohttp
import pytest
from aiohttp import web

from codeforge.testing import Step

KEY = "sk-canary-0123456789abcdef"
TOOLS = [{"type": "function", "name": "read", "parameters": {"type": "object", "properties": {}}, "strict": None}]
USAGE = {
    "input_tokens": 160,
    "input_tokens_details": {"cached_tokens": 50},
    "output_tokens": 20,
    "output_tokens_details": {"reasoning_tokens": 8},
    "total_tokens": 180,
}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]}
SAID = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Hello.", "annotations": []}],
}
CALLED = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "c1",
    "name": "read",
    "arguments": '{"path": "a"}',
    "status": "completed",
}
BEGUN = {
    "id": "resp_1", "object": "response", "created_at": 1, "status": "in_progress", "model": "gpt-5", "output": [],
    "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
}  # fmt: skip
WHOLE = {**BEGUN, "status": "completed", "output": [THOUGHT, SAID, CALLED], "usage": USAGE, "odd": 1}


def events(end="response.completed", response=WHOLE):
    """The answer as OpenAI streams it."""
    told = [
        {"type": "response.created", "response": BEGUN},
        {"type": "response.output_item.added", "output_index": 0, "item": {**THOUGHT, "summary": []}},
        {
            "type": "response.reasoning_summary_text.delta",
            "item_id": "rs_1",
            "output_index": 0,
            "summary_index": 0,
            "delta": "Hm.",
        },
        {"type": "response.output_item.done", "output_index": 0, "item": THOUGHT},
        {"type": "response.output_item.added", "output_index": 1, "item": {**SAID, "content": []}},
        {
            "type": "response.content_part.added",
            "item_id": "msg_1",
            "output_index": 1,
            "content_index": 0,
            "part": {"type": "output_text", "text": "", "annotations": []},
        },
        {
            "type": "response.output_text.delta",
            "item_id": "msg_1",
            "output_index": 1,
            "content_index": 0,
            "delta": "Hello.",
        },
        {"type": "response.output_item.done", "output_index": 1, "item": SAID},
        {"type": "response.output_item.added", "output_index": 2, "item": {**CALLED, "arguments": ""}},
        {
            "type": "response.function_call_arguments.delta",
            "item_id": "fc_1",
            "output_index": 2,
            "delta": '{"path": "a"}',
        },
        {"type": "response.output_item.done", "output_index": 2, "item": CALLED},
        {"type": end, "response": response},
    ]
    return [{**one, "sequence_number": number} for number, one in enumerate(told)]


def streamed(found):
    return b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in found)


class Replies:
    """A provider that speaks responses; ``fault`` is what it answers instead."""

    def __init__(self):
        self.seen, self.events = [], events()

    async def answer(self, request):
        if request.method == "GET":
            return web.json_response({"data": [{"id": "gpt-5"}]})
        body = await request.json()
        self.seen.append((request.path, request.headers["Authorization"], body))
        if body.get("stream"):
            return web.Response(body=streamed(self.events), content_type="text/event-stream")
        return web.json_response(WHOLE, headers={"x-ratelimit-remaining-requests": "9"})


@pytest.fixture
async def replies(house, serving):
    provider = Replies()
    async with serving(provider.answer) as url:
        prices = {"gpt-5": {"input": 1, "output": 10, "cached": 0.1}}
        await house.provider(name="openai", kind="openai", url=url, prices=prices)
        yield provider


async def raw(house, paper, body, path="/responses", method="POST"):
    head = {"Authorization": f"Bearer {paper.key}"}
    url = house.url + path
    async with aiohttp.ClientSession(headers=head) as session, session.request(method, url, json=body) as answer:
        return answer.status, await answer.read()


async def test_a_provider_that_speaks_it_gets_the_request_and_its_answer_comes_back(house, replies):
    paper = await house.run("openai/gpt-5")
    answer = await house.client(paper).responses.create(
        model="openai/gpt-5", input="Hello?", tools=TOOLS, previous_response_id="resp_0", extra_body={"odd": [1]}
    )
    assert (answer.output_text, answer.status) == ("Hello.", "completed")
    assert [item.type for item in answer.output] == ["reasoning", "message", "function_call"]
    [(path, key, body)] = replies.seen
    assert (path, key, body["model"]) == ("/responses", f"Bearer {KEY}", "gpt-5")
    assert (body["previous_response_id"], body["odd"]) == ("resp_0", [1])
    assert json.loads((await raw(house, paper, {"model": "openai/gpt-5", "input": "x"}))[1]) == WHOLE
    for call in await house.calls(paper, 2):
        assert (call["prompt_tokens"], call["completion_tokens"], call["cached_tokens"]) == (160, 20, 50)
        assert (call["counted"], call["cost_micro"]) == ("reported", 315)  # 110 fresh, 50 cached, 200


async def test_a_stream_passes_byte_by_byte_and_is_accounted(house, replies):
    paper = await house.run("openai/gpt-5")
    status, data = await raw(house, paper, {"model": "openai/gpt-5", "input": "Hello?", "stream": True})
    assert (status, data) == (200, streamed(replies.events))
    async with house.client(paper).responses.stream(model="openai/gpt-5", input="Hello?") as stream:
        answer = await stream.get_final_response()
    assert answer.output_text == "Hello."
    for call in await house.calls(paper, 2):
        assert (call["prompt_tokens"], call["completion_tokens"], call["cost_micro"]) == (160, 20, 315)


async def test_an_answer_that_was_cut_short_is_an_end_like_any_other(house, replies):
    short = {**WHOLE, "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    replies.events = events("response.incomplete", short)
    paper = await house.run("openai/gpt-5")
    _, data = await raw(house, paper, {"model": "openai/gpt-5", "input": "Hello?", "stream": True})
    assert data == streamed(replies.events)
    failed = {**WHOLE, "status": "failed", "error": {"code": "server_error", "message": f"broken {KEY}"}}
    replies.events = events("response.failed", failed)
    _, data = await raw(house, paper, {"model": "openai/gpt-5", "input": "Hello?", "stream": True})
    assert data.decode() == streamed(replies.events).decode().replace(KEY, "•••")
    [first, second] = sorted(await house.calls(paper, 2), key=lambda call: call["error"])
    assert (first["error"], second["error"]) == ("", "broken •••")
    assert second["completion_tokens"] == 20


async def test_a_stream_that_breaks_off_ends_with_error_and_failed(house, replies):
    replies.events = replies.events[:7]
    paper = await house.run("openai/gpt-5")
    _, data = await raw(house, paper, {"model": "openai/gpt-5", "input": "Hello?", "stream": True})
    assert data.startswith(streamed(replies.events))
    error, failed = [
        json.loads(event.partition(b"data: ")[2]) for event in data.strip().split(b"\n\n")[len(replies.events) :]
    ]
    assert (error["type"], error["code"], error["sequence_number"]) == ("error", "provider_cut", 7)
    assert (failed["type"], failed["response"]["status"], failed["sequence_number"]) == ("response.failed", "failed", 8)
    assert (failed["response"]["id"], failed["response"]["error"]["code"]) == ("resp_1", "provider_cut")
    told = [
        event
        async for event in await house.client(paper).responses.create(model="openai/gpt-5", input="Hello?", stream=True)
    ]
    assert told[-2].code == "provider_cut"
    assert "broke off" in told[-1].response.error.message
    for call in await house.calls(paper, 2):
        assert (call["counted"], call["completion_tokens"]) == ("counted", 3)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_model_of_an_openai_compatible_provider_answers(house, stream):
    step = Step(text="Hello, world.", reasoning="Well then.", tools=[("read", {"path": "a.py"})])
    house.scripted.script("m", [step])
    await house.provider("m", prices={"m": {"input": 1, "output": 2}})
    paper = await house.run("up/m")
    options = {"model": "up/m", "input": "Hello?", "instructions": "Be brief.", "max_output_tokens": 50}
    options |= {"tools": [*TOOLS, {"type": "web_search"}], "reasoning": {"effort": "low"}}
    if stream:
        async with house.client(paper).responses.stream(**options) as events_:
            kinds = [event.type async for event in events_]
            answer = await events_.get_final_response()
        assert kinds[0] == "response.created"
        assert kinds[-1] == "response.completed"
        assert "response.reasoning_summary_text.delta" in kinds
    else:
        answer = await house.client(paper).responses.create(**options)
    thought, said, called = answer.output
    assert (thought.summary[0].text, answer.output_text) == ("Well then.", "Hello, world.")
    assert (called.name, json.loads(called.arguments), called.status) == ("read", {"path": "a.py"}, "completed")
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.store) == (1111, 222, False)
    assert said.status == "completed"
    seen = house.scripted.requests[0].body
    assert seen["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}]
    assert (seen["max_tokens"], seen["reasoning_effort"], len(seen["tools"])) == (50, "low", 1)
    [call] = await house.calls(paper)
    assert (call["prompt_tokens"], call["completion_tokens"], call["cost_micro"]) == (1111, 222, 1555)


async def test_every_event_of_a_translated_stream_is_in_order_and_adds_up(house):
    tools = [("read", {"path": "a.py"}), ("read", {"path": "b.py"})]
    house.scripted.script("m", [Step(text="Hello, world.", reasoning="Well then.", tools=tools, size=4)])
    await house.provider("m")
    paper = await house.run("up/m")
    stream = await house.client(paper).responses.create(model="up/m", input="Hello?", tools=TOOLS, stream=True)
    told = [event async for event in stream]
    assert [event.sequence_number for event in told] == list(range(len(told)))
    items = {event.output_index: event.item for event in told if event.type == "response.output_item.done"}
    assert [items[number] for number in sorted(items)] == told[-1].response.output
    assert [item.type for item in told[-1].response.output] == [
        "reasoning",
        "message",
        "function_call",
        "function_call",
    ]
    words = "".join(event.delta for event in told if event.type == "response.output_text.delta")
    assert words == told[-1].response.output_text
    assert [item.arguments for item in told[-1].response.output[2:]] == ['{"path": "a.py"}', '{"path": "b.py"}']


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_at_its_longest_is_incomplete(house, stream):
    house.scripted.script("m", [Step(text="This answer is too long to", finish="length")])
    await house.provider("m")
    create = house.client(await house.run("up/m")).responses.create
    answer = await create(model="up/m", input="Hello?", stream=stream)
    if stream:
        told = [event async for event in answer]
        assert told[-1].type == "response.incomplete"
        answer = told[-1].response
    assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_tool_of_free_text_is_a_function_to_the_provider(house, stream):
    house.scripted.script("m", [Step(tools=[("apply_patch", {"input": "*** Begin\n+x"})])])
    await house.provider("m")
    tool = {
        "type": "custom",
        "name": "apply_patch",
        "description": "Patches.",
        "format": {"type": "grammar", "syntax": "lark", "definition": "start: X"},
    }
    create = house.client(await house.run("up/m")).responses.create
    answer = await create(model="up/m", input="Hello?", tools=[tool], stream=stream)
    if stream:
        told = [event async for event in answer]
        assert "".join(e.delta for e in told if e.type == "response.custom_tool_call_input.delta") == "*** Begin\n+x"
        answer = told[-1].response
    [called] = answer.output
    assert (called.type, called.name, called.input) == ("custom_tool_call", "apply_patch", "*** Begin\n+x")
    function = house.scripted.requests[0].body["tools"][0]["function"]
    assert function["parameters"]["required"] == ["input"]
    assert "start: X" in function["description"]


async def test_a_conversation_with_tools_pictures_and_thoughts_is_understood(house):
    house.scripted.script("m", ["fine"])
    await house.provider("m")
    given = [
        {"role": "developer", "content": "Be kind."},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is it?"},
                {"type": "input_image", "image_url": "data:image/png;base64,QUJD"},
            ],
        },
        THOUGHT,
        SAID,
        CALLED,
        {**CALLED, "call_id": "c2"},
        {"type": "function_call_output", "call_id": "c1", "output": "one"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "two"}]},
    ]
    form = {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}}
    await house.client(await house.run("up/m")).responses.create(
        model="up/m",
        input=given,
        tools=TOOLS,
        text=form,
        tool_choice={"type": "function", "name": "read"},
        extra_body={"seed": 7},
    )
    seen = house.scripted.requests[0].body
    called = [
        {"id": name, "type": "function", "function": {"name": "read", "arguments": '{"path": "a"}'}}
        for name in ("c1", "c2")
    ]
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    assert seen["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "What is it?"}, picture]},
        {"role": "assistant", "content": "Hello.", "tool_calls": called},
        {"role": "tool", "tool_call_id": "c1", "content": "one"},
        {"role": "tool", "tool_call_id": "c2", "content": "two"},
    ]
    assert seen["tool_choice"] == {"type": "function", "function": {"name": "read"}}
    assert seen["response_format"]["json_schema"] == {"name": "n", "schema": {"type": "object"}, "strict": True}
    assert seen["seed"] == 7


@pytest.mark.parametrize("then", ["cut", "error"])
async def test_a_chats_stream_that_fails_is_told_in_the_form_of_responses(house, then):
    house.scripted.script("m", [Step(text="one two three four", then=then, until=0.5, size=3, code="odd")])
    await house.provider("m")
    paper = await house.run("up/m")
    stream = await house.client(paper).responses.create(model="up/m", input="Hello?", stream=True)
    told = [event async for event in stream]
    assert [event.type for event in told[-2:]] == ["error", "response.failed"]
    assert told[-2].code == ("provider_cut" if then == "cut" else "odd")
    [call] = await house.calls(paper)
    assert call["completion_tokens"] > 0
    assert call["error"]


async def test_when_the_agent_goes_in_mid_stream_the_provider_is_closed_and_the_call_accounted(house, serving):
    closed = asyncio.Event()

    async def slow(request):
        if request.method == "GET":
            return web.json_response({"data": []})
        try:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            await response.write(streamed(events()[:6]))
            while True:
                await response.write(streamed(events()[6:7]))
                await asyncio.sleep(0.01)
        finally:
            closed.set()

    async with serving(slow) as url:
        await house.provider("m", url=url, kind="openai")
        paper = await house.run("up/m")
        stream = await house.client(paper).responses.create(model="up/m", input="Hello?", stream=True)
        async for event in stream:
            if event.type == "response.output_text.delta":
                break
        await stream.close()
        await asyncio.wait_for(closed.wait(), 10)
        [call] = await house.calls(paper)
    assert (call["status"], call["counted"]) == (499, "unpriced")
    assert call["prompt_tokens"] > 0
    assert call["completion_tokens"] > 0
