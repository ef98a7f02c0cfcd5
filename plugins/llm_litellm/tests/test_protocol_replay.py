"""Cassettes hold chats, and answer in every protocol what was recorded in any."""

import json

import pytest

from codeforge.testing import Step

STEP = Step(text="Well.", reasoning="Hm.", tools=[("read", {"path": "a.py"})], usage=(30, 7))
QUESTION = "Please fix add in calc.py."
SCHEMA = {"type": "object", "properties": {}}
PROTOCOLS = ["chat", "messages", "responses"]


def tape(house, name):
    folder = house.forge.settings.data_dir / "cassettes" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


async def ask(house, paper, protocol, *, stream=False, question=QUESTION):
    """Ask by the protocol's own client; what was said, thought and called, and the tokens."""
    model, said = paper.run.model, [{"role": "user", "content": question}]
    if protocol == "messages":
        client = house.claude(paper)
        tools = [{"name": "read", "input_schema": SCHEMA}]
        async with client.messages.stream(model=model, max_tokens=99, messages=said, tools=tools) as events:
            answer = await events.get_final_message()
        if not stream:
            answer = await client.messages.create(model=model, max_tokens=99, messages=said, tools=tools)
        thought, text, tool = answer.content
        return (
            thought.thinking,
            text.text,
            tool.name,
            tool.input,
            (answer.usage.input_tokens, answer.usage.output_tokens),
        )
    client = house.client(paper)
    if protocol == "responses":
        options = {"model": model, "input": said, "tools": [{"type": "function", "name": "read", "parameters": SCHEMA}]}
        if stream:
            answer = [event async for event in await client.responses.create(**options, stream=True)][-1].response
        else:
            answer = await client.responses.create(**options)
        thought, _, tool = answer.output
        used = (answer.usage.input_tokens, answer.usage.output_tokens)
        return thought.summary[0].text, answer.output_text, tool.name, json.loads(tool.arguments), used
    options = {
        "model": model,
        "messages": said,
        "tools": [{"type": "function", "function": {"name": "read", "parameters": SCHEMA}}],
    }
    if not stream:
        answer = await client.chat.completions.create(**options)
        message, used = answer.choices[0].message, answer.usage
        call = message.tool_calls[0].function
        told = (message.reasoning_content, message.content, call.name, json.loads(call.arguments))
        return *told, (used.prompt_tokens, used.completion_tokens)
    chunks = [
        c
        async for c in await client.chat.completions.create(
            **options, stream=True, stream_options={"include_usage": True}
        )
    ]
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    text, thought = ("".join(getattr(d, name, None) or "" for d in deltas) for name in ("content", "reasoning_content"))
    calls = [call.function for delta in deltas for call in delta.tool_calls or []]
    arguments = json.loads("".join(call.arguments or "" for call in calls))
    return thought, text, calls[0].name, arguments, (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens)


@pytest.mark.parametrize("recorded", PROTOCOLS)
async def test_what_was_recorded_in_one_protocol_is_played_in_all(house, recorded):
    house.scripted.script("m", [STEP])
    await house.provider("m")
    (tape(house, "tape") / "RECORD").write_text("up/m")
    told = await ask(house, await house.run("record/tape"), recorded)
    assert told == ("Hm.", "Well.", "read", {"path": "a.py"}, (30, 7))
    asked = len(house.scripted.requests)
    paper = await house.run("replay/tape")
    for protocol in PROTOCOLS:
        for stream in (False, True):
            assert await ask(house, paper, protocol, stream=stream) == told
    assert len(house.scripted.requests) == asked
    assert all(call["replayed"] and call["prompt_tokens"] == 30 for call in await house.calls(paper, 6))
    for file in tape(house, "tape").glob("*.json"):
        for fixture in json.loads(file.read_text())["fixtures"]:
            assert fixture["codeforge"]["protocol"] == recorded
            assert {"messages", "tools"} <= set(fixture["codeforge"]["request"])


async def test_a_recording_of_anthropics_own_provider_is_played_to_the_same_question(house, serving):
    from aiohttp import web

    said = [{"type": "thinking", "thinking": "Hm.", "signature": "s"}, {"type": "text", "text": "Well."}]
    said.append({"type": "tool_use", "id": "t1", "name": "read", "input": {"path": "a.py"}})
    body = {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": "c",
        "content": said,
        "stop_reason": "tool_use",
    }

    async def answer(request):
        asked = await request.json() if request.method == "POST" else {}
        if asked.get("stream"):
            return web.Response(text="event: error\ndata: {}\n\n", content_type="text/event-stream")
        return web.json_response({**body, "usage": {"input_tokens": 30, "output_tokens": 7}})

    async with serving(answer) as url:
        await house.provider("c", kind="anthropic", url=url)
        (tape(house, "tape") / "RECORD").write_text("up/c")
        paper = await house.run("record/tape")
        client = house.claude(paper)
        content = [{"type": "text", "text": QUESTION, "cache_control": {"type": "ephemeral"}}]
        await client.messages.create(
            model="record/tape",
            max_tokens=99,
            messages=[{"role": "user", "content": content}],
            tools=[{"name": "read", "input_schema": SCHEMA}],
        )
    [file] = tape(house, "tape").glob("*.json")
    assert json.loads(file.read_text())["fixtures"][0]["codeforge"]["request"]["messages"][0]["content"] == QUESTION
    told = await ask(house, await house.run("replay/tape"), "messages", stream=True)
    assert told == ("Hm.", "Well.", "read", {"path": "a.py"}, (30, 7))


@pytest.mark.parametrize("protocol", PROTOCOLS[1:])
async def test_a_miss_is_told_in_the_protocols_form_and_not_asked_again(house, protocol):
    fixture = {"match": {"userMessage": "something else"}, "response": {"content": "x"}}
    (tape(house, "tape") / "1.json").write_text(json.dumps({"fixtures": [fixture]}))
    paper = await house.run("replay/tape")
    with pytest.raises(Exception, match="something else") as caught:
        await ask(house, paper, protocol)
    assert type(caught.value).__name__ == "ConflictError"
    assert caught.value.response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("protocol", PROTOCOLS[1:])
async def test_a_recorded_refusal_is_told_in_the_protocols_form(house, protocol):
    fixture = {"match": {}, "response": {"error": {"message": "slow down"}, "status": 429}}
    (tape(house, "tape") / "1.json").write_text(json.dumps({"fixtures": [fixture]}))
    with pytest.raises(Exception, match="slow down") as caught:
        await ask(house, await house.run("replay/tape"), protocol)
    assert type(caught.value).__name__ == "RateLimitError"
