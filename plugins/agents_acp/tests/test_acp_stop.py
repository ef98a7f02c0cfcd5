"""Stopped in any phase, an agent leaves nothing; and it never has the run's key."""

import asyncio
import json
import time

import pytest

from codeforge import Kind
from codeforge.testing import until


@pytest.mark.parametrize("deeds", [
    [("sleep", 300)],
    [("leave behind", 0), ("sleep", 300)],
    [("model", 1)],
    [("ask", {"toolCall": {"title": "x"}, "options": []})],
])  # fmt: skip
async def test_a_stop_leaves_no_process(plain, desk, deeds, monkeypatch):
    asked = asyncio.Event()

    async def never(question, choices):
        asked.set()
        await asyncio.Event().wait()

    job = desk.job([["say", "begun\n"], *map(list, deeds)], model="hang", ask=never)
    running = asyncio.create_task(desk.run(plain(), job))
    await until(lambda: desk.texts(Kind.SAID))
    assert desk.alive(job)
    began = time.monotonic()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert time.monotonic() - began < 2.5
    assert not desk.alive(job)


async def test_a_stop_before_the_agent_has_answered_leaves_no_process(plain, desk):
    job = desk.job()
    running = asyncio.create_task(desk.run(plain("--deaf"), job))
    await until(lambda: desk.alive(job))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not desk.alive(job)


async def test_what_an_agent_leaves_behind_does_not_hold_its_run(plain, desk):
    job = desk.job([["leave behind", 0], ["end", "end_turn"]])
    async with asyncio.timeout(20):
        last = await desk.run(plain(), job)
    assert last.data["outcome"] == "done"
    assert not desk.alive(job)


async def test_the_agent_has_neither_the_runs_key_nor_the_services_environment(plain, desk, models, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-service")
    await desk.do(plain(), ("env", 0), ("model", 1))
    env = json.loads(desk.texts(Kind.SAID)[0])
    assert "sk-service" not in str(env)
    assert desk.KEY not in str(env)
    assert env["GATEWAY"] != desk.gateway
    assert models.requests[0].key == desk.KEY
    assert env["KEY"] == "[key]"
    files = [path for path in desk.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if desk.KEY.encode() in path.read_bytes()]


async def test_a_follow_up_takes_up_the_agents_session_and_tells_nothing_twice(plain, desk):
    await desk.do(plain(), ("say", "first words"))
    last = await desk.run(plain(), desk.job("And now?", follow_up=True))
    assert last.data["outcome"] == "done"
    assert desk.texts(Kind.SAID) == ["heard And now?"]
    assert len(list((desk.folder / "state" / "sessions").iterdir())) == 1


@pytest.mark.parametrize("arguments", [("--forgets",), ()])
async def test_an_agent_that_forgets_is_told_what_was_before(plain, desk, arguments):
    await desk.run(plain(*arguments), desk.job("Plant an ORCHID"))
    if not arguments:
        (desk.folder / "state" / "sessions" / "s1").unlink()
    await desk.run(plain(*arguments), desk.job("And now?", follow_up=True))
    told = "\n".join(desk.texts(Kind.SAID))
    assert ("Plant an ORCHID" in told, "And now?" in told) == (True, True)
    await desk.run(plain(*arguments), desk.job("Another"))
    assert "ORCHID" not in "\n".join(desk.texts(Kind.SAID))


@pytest.mark.parametrize("prompt", ["/init", "!touch pwned", "  /help me"])
async def test_a_prompt_that_looks_like_a_command_is_none(plain, desk, prompt):
    await desk.run(plain(), desk.job(prompt))
    assert desk.texts(Kind.SAID)[0] == "heard The task:"
