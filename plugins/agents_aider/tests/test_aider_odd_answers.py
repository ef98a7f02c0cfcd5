"""Answers whose shape no document describes: what can be used is used, and failures keep their reason."""

import json

import pytest
from aiohttp import web

from codeforge import Kind, Reason
from codeforge.testing import search_replace


@pytest.fixture
async def saying(desk):
    """Lets the model answer every call with these events."""
    runners = []

    async def said(*events: object) -> str:
        text = "".join(f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n" for event in events)

        async def answer(_: web.Request) -> web.Response:
            return web.Response(text=text, content_type="text/event-stream")

        app = web.Application()
        app.router.add_post("/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield said
    for runner in runners:
        await runner.cleanup()


async def test_odd_parts_of_an_answer_do_not_spoil_the_rest(aider, desk, saying):
    edit = search_replace("hello.py", desk.HELLO, desk.FRIENDLY)
    gateway = await saying(
        {"error": None, "choices": [None, 5, {"delta": 3}]},
        {"usage": [1]},
        "[" * 5000,
        {"choices": [{"delta": {"content": edit}, "finish_reason": "stop"}]},
        '{"usage": {"prompt_tokens": "many", "completion_tokens": 1e999, "prompt_tokens_details": [1]}}',
    )
    last = await desk.run(aider, desk.job(gateway=gateway))
    assert last.data["outcome"] == "done", last.data
    assert desk.read("hello.py") == desk.FRIENDLY
    [usage] = [event for event in desk.events if event.kind == Kind.USAGE]
    assert (usage.data["prompt_tokens"], usage.data["completion_tokens"]) == (0, 0)


async def test_a_status_in_mid_stream_that_is_written_as_text_is_understood(aider, desk, saying):
    gateway = await saying({"error": {"message": "slow down", "code": "429"}})
    last = await desk.run(aider, desk.hasty(gateway=gateway))
    assert last.data["reason"] == Reason.QUOTA, last.data
    assert "slow down" in last.data["detail"]
