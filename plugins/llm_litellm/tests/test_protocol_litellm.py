"""Providers that litellm translates for, asked in every protocol by its own client: Google's and Anthropic's models."""

import asyncio
import json
import struct
import zlib
from typing import ClassVar

import anthropic
import openai
import pytest
from aiohttp import web

KEY = "sk-canary-0123456789abcdef"
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PROTOCOLS = ["chat", "messages", "responses"]
PARTS = [
    {"text": "Hm.", "thought": True},
    {"text": "Hello."},
    {"functionCall": {"name": "read", "args": {"path": "a"}}, "thoughtSignature": "c2lnbmVk"},
]
GEMINI_USE = {
    "promptTokenCount": 160,
    "cachedContentTokenCount": 50,
    "candidatesTokenCount": 12,
    "thoughtsTokenCount": 8,
    "totalTokenCount": 180,
}
CLAUDE_USE = {
    "input_tokens": 100,
    "output_tokens": 20,
    "cache_read_input_tokens": 50,
    "cache_creation_input_tokens": 10,
}
CLAUDE_SAID = [
    {"type": "thinking", "thinking": "Hm.", "signature": "proof"},
    {"type": "text", "text": "Hello."},
    {"type": "tool_use", "id": "t1", "name": "read", "input": {"path": "a"}},
]


class Provider:
    """Answers as its family does; ``fault`` is what it answers instead, ``cut`` breaks streams off, ``quiet`` ones tell
    no usage.
    """

    settings: ClassVar = {}

    def __init__(self):
        self.seen, self.fault, self.cut, self.quiet = [], None, False, False

    async def answer(self, request):
        if request.method == "GET":
            return web.json_response({"data": [], "models": []})
        body = await request.json()
        self.seen.append((request.path, dict(request.headers), body))
        if self.fault:
            return self.fault()
        if not self.streams(request, body):
            return web.json_response(self.whole())
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        events = [event for event in self.events() if not (self.quiet and b'"usage"' in event)]
        for event in events[: len(events) // 2] if self.cut else events:
            await response.write(event)
        if self.cut:
            request.transport.abort()
        return response


class Gemini(Provider):
    kind, model, path = "gemini", "gemini-2.5-flash", "/v1beta/models/gemini-2.5-flash:"

    def streams(self, request, body):
        return request.path.endswith(":streamGenerateContent")

    def whole(self, parts=PARTS, **more):
        return {
            "candidates": [{"index": 0, "content": {"role": "model", "parts": parts}, **more}],
            "usageMetadata": GEMINI_USE,
        }

    def events(self):
        for part in PARTS:
            more = {"finishReason": "STOP"} if "functionCall" in part else {}
            yield f"data: {json.dumps(self.whole([part], **more))}\r\n\r\n".encode()


class Claude(Provider):
    kind, model, path = "anthropic", "claude-sonnet-4-5", "/v1/messages"

    def streams(self, request, body):
        return body.get("stream")

    def whole(self):
        head = {"id": "m1", "type": "message", "role": "assistant", "model": "c"}
        return {**head, "content": CLAUDE_SAID, "stop_reason": "tool_use", "usage": CLAUDE_USE}

    def events(self):
        head = {"id": "m1", "type": "message", "role": "assistant", "model": "c", "content": []}
        told = [{"type": "message_start", "message": {**head, "usage": CLAUDE_USE}}]
        for number, block in enumerate(CLAUDE_SAID):
            empty = {"thinking": {"thinking": "", "signature": ""}, "text": {"text": ""}, "tool_use": {"input": {}}}
            deltas = {
                "thinking": [
                    {"type": "thinking_delta", "thinking": "Hm."},
                    {"type": "signature_delta", "signature": "proof"},
                ],
                "text": [{"type": "text_delta", "text": "Hello."}],
                "tool_use": [{"type": "input_json_delta", "partial_json": '{"path": "a"}'}],
            }[block["type"]]
            told.append(
                {"type": "content_block_start", "index": number, "content_block": {**block, **empty[block["type"]]}}
            )
            told += [{"type": "content_block_delta", "index": number, "delta": delta} for delta in deltas]
            told.append({"type": "content_block_stop", "index": number})
        told.append({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 20}})
        for one in [*told, {"type": "message_stop"}]:
            yield f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode()


class Azure(Provider):
    kind, model, path = "azure", "my-gpt", "/openai/deployments/my-gpt/chat/completions"
    settings: ClassVar = {"api_version": "2024-10-21"}
    used: ClassVar = {
        "prompt_tokens": 160,
        "completion_tokens": 20,
        "total_tokens": 180,
        "prompt_tokens_details": {"cached_tokens": 50},
    }
    call: ClassVar = {"id": "t1", "type": "function", "function": {"name": "read", "arguments": '{"path": "a"}'}}

    def streams(self, request, body):
        return body.get("stream")

    def whole(self):
        message = {"role": "assistant", "reasoning_content": "Hm.", "content": "Hello.", "tool_calls": [self.call]}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        return {"id": "c1", "object": "chat.completion", "model": "gpt", "choices": [choice], "usage": self.used}

    def events(self):
        deltas = [{"reasoning_content": "Hm."}, {"content": "Hello."}, {"tool_calls": [{"index": 0, **self.call}]}]
        chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
        for chunk in [*chunks, {"choices": [], "usage": self.used}]:
            whole = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "gpt", **chunk}
            yield f"data: {json.dumps(whole)}\n\n".encode()
        yield b"data: [DONE]\n\n"


class Bedrock(Provider):
    kind, model = "bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0"
    path = "/model/anthropic.claude-sonnet-4-5-20250929-v1:0/converse"
    settings: ClassVar = {"region": "eu-central-1", "access_key_id": "AKIAEXAMPLE"}
    used: ClassVar = {
        "inputTokens": 100,
        "outputTokens": 20,
        "totalTokens": 180,
        "cacheReadInputTokens": 50,
        "cacheWriteInputTokens": 10,
    }

    def streams(self, request, body):
        return request.path.endswith("/converse-stream")

    def whole(self):
        content = [
            {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "proof"}}},
            {"text": "Hello."},
            {"toolUse": {"toolUseId": "t1", "name": "read", "input": {"path": "a"}}},
        ]
        message = {"role": "assistant", "content": content}
        return {"output": {"message": message}, "stopReason": "tool_use", "usage": self.used}

    def events(self):
        tool = {"toolUse": {"toolUseId": "t1", "name": "read"}}
        deltas = [{"reasoningContent": {"text": "Hm."}}, {"text": "Hello."}, {"toolUse": {"input": '{"path": "a"}'}}]
        yield framed("messageStart", {"role": "assistant"})
        for number, delta in enumerate(deltas):
            if "toolUse" in delta:
                yield framed("contentBlockStart", {"contentBlockIndex": number, "start": tool})
            yield framed("contentBlockDelta", {"contentBlockIndex": number, "delta": delta})
            yield framed("contentBlockStop", {"contentBlockIndex": number})
        yield framed("messageStop", {"stopReason": "tool_use"})
        yield framed("metadata", {"usage": self.used, "metrics": {"latencyMs": 1}})


def framed(kind, data):
    """An event in AWS's own frame: lengths, heads and checksums around JSON."""
    heads = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    head = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for name, value in heads.items()
    )
    body = json.dumps(data).encode()
    prelude = struct.pack(">II", 16 + len(head) + len(body), len(head))
    framed = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + body
    return framed + struct.pack(">I", zlib.crc32(framed))


@pytest.fixture(params=[Gemini, Claude, Azure, Bedrock])
async def upstream(house, serving, request):
    provider = request.param()
    async with serving(provider.answer) as url:
        await house.provider("m", kind=provider.kind, url=url, models=[provider.model], **provider.settings)
        yield provider


async def ask(house, paper, protocol, *, stream):
    """What was thought, said and called, and the tokens in and out, by the protocol's own client."""
    model, address = paper.run.model, f"data:image/png;base64,{PNG}"
    if protocol == "messages":
        client = house.claude(paper, timeout=120)
        picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
        content = [picture, {"type": "text", "text": "Hello?"}]
        options = {
            "model": model,
            "max_tokens": 4000,
            "system": "Be brief.",
            "messages": [{"role": "user", "content": content}],
            "tools": [{"name": "read", "input_schema": SCHEMA}],
            "thinking": {"type": "enabled", "budget_tokens": 2000},
        }
        if stream:
            async with client.messages.stream(**options) as events:
                answer = await events.get_final_message()
        else:
            answer = await client.messages.create(**options)
        thought, said, called = answer.content
        used = answer.usage
        read, written = used.cache_read_input_tokens, used.cache_creation_input_tokens
        tokens = (used.input_tokens + read + written, used.output_tokens)
        return thought.thinking, said.text, called.name, called.input, tokens
    client = house.client(paper, timeout=120)
    if protocol == "responses":
        content = [{"type": "input_image", "image_url": address}, {"type": "input_text", "text": "Hello?"}]
        options = {
            "model": model,
            "instructions": "Be brief.",
            "input": [{"role": "user", "content": content}],
            "tools": [{"type": "function", "name": "read", "parameters": SCHEMA}],
            "reasoning": {"effort": "low"},
        }
        if stream:
            async with client.responses.stream(**options) as events:
                answer = await events.get_final_response()
        else:
            answer = await client.responses.create(**options)
        thought, _, called = answer.output
        tokens = (answer.usage.input_tokens, answer.usage.output_tokens)
        return thought.summary[0].text, answer.output_text, called.name, json.loads(called.arguments), tokens
    content = [{"type": "image_url", "image_url": {"url": address}}, {"type": "text", "text": "Hello?"}]
    options = {
        "model": model,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": content}],
        "tools": [{"type": "function", "function": {"name": "read", "parameters": SCHEMA}}],
        "reasoning_effort": "low",
    }
    if not stream:
        answer = await client.chat.completions.create(**options)
        message, call = answer.choices[0].message, answer.choices[0].message.tool_calls[0].function
        tokens = (answer.usage.prompt_tokens, answer.usage.completion_tokens)
        return message.reasoning_content, message.content, call.name, json.loads(call.arguments), tokens
    asked = client.chat.completions.create(**options, stream=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in await asked]
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    thought, said = ("".join(getattr(d, name, None) or "" for d in deltas) for name in ("reasoning_content", "content"))
    calls = [call.function for delta in deltas for call in delta.tool_calls or []]
    arguments = json.loads("".join(call.arguments or "" for call in calls))
    tokens = (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens)
    return thought, said, calls[0].name, arguments, tokens


@pytest.mark.slow
async def test_every_protocol_is_answered_streamed_and_whole(house, upstream, caplog):
    paper = await house.run(f"up/{upstream.model}")
    for protocol in PROTOCOLS:
        for stream in (False, True):
            told = await ask(house, paper, protocol, stream=stream)
            assert told == ("Hm.", "Hello.", "read", {"path": "a"}, (160, 20)), (protocol, stream)
    for path, head, body in upstream.seen:
        text = json.dumps(body)
        assert path.startswith(upstream.path)
        if upstream.kind != "bedrock":  # there it signs
            assert KEY in (head.get("x-goog-api-key"), head.get("x-api-key"), head.get("api-key"))
        assert all(word in text for word in ("Be brief.", "Hello?", PNG, "read"))
    for call in await house.calls(paper, 6):
        assert (call["prompt_tokens"], call["completion_tokens"], call["cached_tokens"]) == (160, 20, 50)
        assert call["status"] == 200
        assert call["counted"] in ("reported", "unpriced")

    names = {401: "AuthenticationError", 404: "NotFoundError", 429: "RateLimitError", 500: "InternalServerError"}
    for protocol in PROTOCOLS:
        own = anthropic if protocol == "messages" else openai
        for status, name in names.items():
            error = {
                "type": "error",
                "error": {"type": "x", "code": status, "status": "X", "message": f"because {KEY}"},
            }
            upstream.fault = lambda error=error, status=status: web.json_response(
                error, status=status, headers={"Retry-After": "9"}
            )
            with pytest.raises(getattr(own, name), match="because") as caught:
                await ask(house, paper, protocol, stream=bool(status % 2))
            assert KEY not in str(caught.value.body) + caplog.text
            if status == 429:
                assert caught.value.response.headers["Retry-After"] == "9"
    upstream.fault = None
    if upstream.kind in ("azure", "bedrock"):  # the others say it with their words
        upstream.quiet = True
        await ask(house, paper, "messages", stream=True)
        [call] = [
            call for call in await house.calls(paper, 19) if call["status"] == 200 and call["prompt_tokens"] != 160
        ]
        assert call["completion_tokens"] == 7  # ours, at four bytes a token
    upstream.cut = True
    for protocol in PROTOCOLS[:2]:
        with pytest.raises((openai.APIError, anthropic.APIError)):
            await ask(house, paper, protocol, stream=True)
    calls = await house.calls(paper, 20 + upstream.quiet)
    assert sum(bool(call["error"]) for call in calls) == 14  # twelve refusals, two that broke off


@pytest.mark.slow
async def test_a_second_turn_gives_google_back_its_proof_of_thinking_and_the_tools_result(house, serving):
    gemini = Gemini()
    async with serving(gemini.answer) as url:
        await house.provider("m", kind="gemini", url=url, models=[gemini.model])
        paper = await house.run(f"up/{gemini.model}")
        client = house.claude(paper, timeout=120)
        said = [{"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]}]
        options = {"model": paper.run.model, "max_tokens": 99, "tools": [{"name": "read", "input_schema": SCHEMA}]}
        first = await client.messages.create(**options, messages=said)
        result = {"type": "tool_result", "tool_use_id": first.content[-1].id, "content": "contents of a"}
        said += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
        await client.messages.create(**options, messages=said)

        client = house.client(paper, timeout=120)
        tools = [{"type": "function", "name": "read", "parameters": SCHEMA}]
        asked = [{"role": "user", "content": "Hi"}]
        answer = await client.responses.create(model=paper.run.model, input=asked, tools=tools)
        output = {"type": "function_call_output", "call_id": answer.output[-1].call_id, "output": "contents of a"}
        asked += [*(item.model_dump(exclude_none=True) for item in answer.output), output]
        await client.responses.create(model=paper.run.model, input=asked, tools=tools)
    assert [path for path, _, _ in gemini.seen] == [f"/v1beta/models/{gemini.model}:generateContent"] * 4
    for _, _, body in (gemini.seen[1], gemini.seen[3]):
        text = json.dumps(body)
        assert "c2lnbmVk" in text
        assert "contents of a" in text
        assert [content["role"] for content in body["contents"]] == ["user", "model", "user"]


@pytest.mark.slow
async def test_nothing_is_fetched_for_an_agent_and_what_it_left_is_ended(house, serving):
    fetched, closed = [], asyncio.Event()

    async def elsewhere(request):
        fetched.append(request.path)
        return web.Response(body=b"%PDF-1.4", content_type="application/pdf")

    class Endless(Gemini):
        async def answer(self, request):
            if not request.path.endswith(":streamGenerateContent"):
                return await super().answer(request)
            try:
                response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
                await response.prepare(request)
                while True:
                    await response.write(f"data: {json.dumps(self.whole(PARTS[1:2]))}\r\n\r\n".encode())
                    await asyncio.sleep(0.01)
            finally:
                closed.set()

    gemini = Endless()
    async with serving(gemini.answer) as url, serving(elsewhere) as other:
        await house.provider("m", kind="gemini", url=url, models=[gemini.model])
        paper = await house.run(f"up/{gemini.model}")
        client = house.claude(paper, timeout=120)
        create = client.messages.create
        for kind in ("image", "document"):
            block = {"type": kind, "source": {"type": "url", "url": f"{other}/x.pdf"}}
            with pytest.raises(anthropic.APIStatusError):
                await create(model=paper.run.model, max_tokens=9, messages=[{"role": "user", "content": [block]}])
        assert not fetched
        said = [{"role": "user", "content": "Hello?"}]
        stream = await create(model=paper.run.model, max_tokens=99, messages=said, stream=True)
        async for event in stream:
            if event.type == "content_block_delta":
                break
        await stream.close()
        await asyncio.wait_for(closed.wait(), 20)
        *_, call = sorted(await house.calls(paper, 3), key=lambda call: call["status"] == 499)
    assert call["status"] == 499
    assert call["completion_tokens"] > 0
