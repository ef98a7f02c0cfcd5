"""Providers that need translation, by the real litellm in its child process; and what importing the plugin costs."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import openai
import psutil
import pytest
from aiohttp import web

ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say hello to the world."}]
TOOLS = [{"type": "function", "function": {"name": "read", "parameters": {"type": "object", "properties": {}}}}]
KEY = "sk-canary-0123456789abcdef"
USAGE = {"input_tokens": 100, "output_tokens": 20, "cache_read_input_tokens": 50, "cache_creation_input_tokens": 10}
SAID = [{"type": "text", "text": "Hello."}, {"type": "tool_use", "id": "t1", "name": "read", "input": {"path": "a"}}]


def events():
    """The answer as Anthropic streams it."""
    yield (
        "message_start",
        {"message": {"id": "m1", "type": "message", "role": "assistant", "model": "c", "content": [], "usage": USAGE}},
    )
    yield "content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}
    yield "content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "Hello."}}
    yield "content_block_stop", {"index": 0}
    yield (
        "content_block_start",
        {"index": 1, "content_block": {"type": "tool_use", "id": "t1", "name": "read", "input": {}}},
    )
    yield "content_block_delta", {"index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"path": "a"}'}}
    yield "content_block_stop", {"index": 1}
    yield "message_delta", {"delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 20}}
    yield "message_stop", {}


class Claude:
    """Speaks Anthropic's messages; ``fault`` is what it answers instead."""

    def __init__(self):
        self.seen, self.fault = [], None

    async def answer(self, request):
        if request.path == "/v1/models":
            return web.json_response({"data": [{"id": "claude-sonnet-4-5"}]})
        body = await request.json()
        self.seen.append((request.path, request.headers["x-api-key"], body))
        if self.fault:
            return self.fault
        if not body.get("stream"):
            answer = {
                "id": "m1",
                "type": "message",
                "role": "assistant",
                "model": "c",
                "content": SAID,
                "stop_reason": "tool_use",
            }
            return web.json_response({**answer, "usage": USAGE})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for kind, data in events():
            await response.write(f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode())
        return response


def below(pid):
    return psutil.Process(pid).children(recursive=True)


async def ended(processes):
    async with asyncio.timeout(20):
        while any(process.is_running() for process in processes):
            await asyncio.sleep(0.05)


@pytest.fixture
async def claude(house, serving):
    provider = Claude()
    async with serving(provider.answer) as url:
        await house.provider(name="anthropic", kind="anthropic", url=url)
        yield provider


@pytest.mark.slow
async def test_an_anthropic_model_answers_an_agent_that_speaks_openai(house, claude, caplog):
    paper = await house.run("anthropic/claude-sonnet-4-5")
    create = house.client(paper, timeout=120).chat.completions.create
    options = {"model": paper.run.model, "messages": ASKED, "tools": TOOLS, "max_tokens": 50}
    answer = await create(**options, extra_body={"api_base": "http://127.0.0.1:9", "mock_response": "no", "odd": 1})
    message = answer.choices[0].message
    assert (message.content, message.tool_calls[0].function.name) == ("Hello.", "read")
    assert json.loads(message.tool_calls[0].function.arguments) == {"path": "a"}
    path, key, body = claude.seen[0]
    assert (path, key, body["model"]) == ("/v1/messages", KEY, "claude-sonnet-4-5")
    assert body["tools"][0]["name"] == "read"
    assert "odd" not in body

    chunks = [chunk async for chunk in await create(**options, stream=True)]
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == "Hello."
    assert all(chunk.choices for chunk in chunks)
    calls = [c.function for chunk in chunks for c in chunk.choices[0].delta.tool_calls or []]
    assert json.loads("".join(call.arguments or "" for call in calls)) == {"path": "a"}
    for call in await house.calls(paper, 2):
        assert (call["prompt_tokens"], call["completion_tokens"], call["cached_tokens"]) == (160, 20, 50)
        assert call["counted"] == "reported"
        assert call["cost_micro"] == 653  # 100 fresh at 3, 50 cached at 0.3, 10 written at 3.75, 20 out at 15: 652.5

    picture = {"type": "image_url", "image_url": {"url": f"{house.scripted.url}/x.png"}}
    with pytest.raises(openai.APIStatusError, match="download is disabled"):
        await create(**{**options, "messages": [{"role": "user", "content": [picture]}]})

    claude.fault = web.json_response({"type": "error", "error": {"type": "x", "message": f"bad {KEY}"}}, status=401)
    with pytest.raises(openai.AuthenticationError) as caught:
        await create(**options)
    assert KEY not in str(caught.value.body) + caplog.text
    claude.fault = web.json_response({"error": {"message": "slow"}}, status=429, headers={"Retry-After": "9"})
    with pytest.raises(openai.RateLimitError) as limited:
        await create(**options)
    assert limited.value.response.headers["Retry-After"] == "9"


@pytest.mark.slow
async def test_a_child_that_was_killed_is_started_again_and_ends_with_the_gateway(house, claude):
    paper = await house.run("anthropic/claude-sonnet-4-5")
    create = house.client(paper, timeout=120).chat.completions.create
    engine = house.gateway.engine(
        await house.gateway.admit(await house.gateway.key(paper.key), {"model": paper.run.model, "messages": []})
    )
    assert engine.pid is None
    await asyncio.gather(*(create(model=paper.run.model, messages=ASKED) for _ in range(3)))
    shim = psutil.Process(engine.pid)
    [child] = below(engine.pid)
    environ, command = child.environ(), child.cmdline()
    assert KEY not in json.dumps([environ, command])
    os.kill(child.pid, signal.SIGKILL)
    await ended([shim, child])
    answer = await create(model=paper.run.model, messages=ASKED)
    assert answer.choices[0].message.content == "Hello."
    mine = [psutil.Process(engine.pid), *below(engine.pid)]
    folder = Path(environ["HOME"])
    await house.gateway.close()
    assert not any(process.is_running() for process in mine)
    assert not folder.exists()


def test_importing_the_plugin_and_offering_models_loads_neither_litellm_nor_aiohttp():
    code = """
import sys
import codeforge_llm_litellm as plugin
from codeforge import Settings
from pathlib import Path
class Forge:
    settings = Settings(data_dir=Path("/nowhere"))
[gateway] = plugin.register_llms(Forge())
heavy = {"litellm", "aiohttp", "openai", "httpx"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_serving_loads_no_litellm():
    modules = "codeforge_llm_litellm.door, codeforge_llm_litellm.engines.litellm"
    code = f"import sys, {modules}; assert 'litellm' not in sys.modules"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
