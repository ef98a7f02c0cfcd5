"""Stopping: whatever the agent is at, nothing of it stays; the run's key is nowhere to be found."""

import asyncio
import signal
import subprocess
import sys
import time
from contextlib import aclosing

import pytest

from codeforge import Kind
from codeforge_agents_swe.dialect import bash, finish

LONG = "setsid -f sleep 777; (sleep 778 &) ; echo begun; sleep 779"


async def until(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.05)


async def starting(desk, job, models):
    await until(lambda: len(desk.alive(job)) >= 2)


async def waiting_for_the_model(desk, job, models):
    await models.seen(1)


async def pausing_before_another_try(desk, job, models):
    await models.seen(4)


async def running_a_command(desk, job, models):
    await until(lambda: "begun" in desk.texts(Kind.LOG))


@pytest.mark.parametrize(
    ("phase", "model"),
    [
        (starting, "m"),
        (waiting_for_the_model, "hang"),
        (running_a_command, "long"),
        pytest.param(pausing_before_another_try, "fail-500", marks=pytest.mark.slow),
    ],
)
async def test_a_stop_leaves_no_process(swe, desk, models, dialect, phase, model):
    models.script("long", dialect.shell(LONG))
    job = desk.job(model)
    running = asyncio.create_task(desk.run(swe, job))
    await phase(desk, job, models)
    assert desk.alive(job)
    began = time.monotonic()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not desk.alive(job)
    assert time.monotonic() - began < 5
    assert not list((desk.workspace / ".git").glob("*.lock"))


async def test_leaving_the_iteration_stops_the_agent(swe, desk, models):
    job = desk.job("slow")
    async with aclosing(swe.run(job)) as events:
        async for event in events:
            if event.kind == Kind.SAID:
                break
    assert not desk.alive(job)


WORKER = """
import asyncio, sys
from pathlib import Path
from codeforge import AgentJob, Model
from codeforge_agents_swe import MiniSwe
home, folder, gateway, run = sys.argv[1:]
folder = Path(folder)
job = AgentJob(run_id=run, prompt="x", workspace=folder / "workspace", home=folder / "home", state=folder / "state",
               model=Model(name="long", provider="scripted"), gateway=gateway, key="cf-key-77", mark={"TEST_RUN": run})
async def main():
    async for event in MiniSwe(home=Path(home)).run(job):
        pass
asyncio.run(main())
"""


async def test_a_worker_that_is_killed_takes_the_agent_and_its_commands_with_it(home, desk, models, dialect):
    models.script("long", dialect.shell("touch begun; " + LONG))
    job = desk.job()
    arguments = [str(home), str(desk.folder), desk.gateway, job.run_id]
    worker = subprocess.Popen([sys.executable, "-c", WORKER, *arguments])
    try:
        await until((desk.workspace / "begun").exists)
        assert desk.alive(job)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    await until(lambda: not desk.alive(job), seconds=10.0)


async def test_no_key_is_in_an_argument_an_environment_a_file_or_an_event(monkeypatch, swe, desk, models, dialect):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-service")
    seen_by_it = "cat /proc/$PPID/environ /proc/$PPID/cmdline"
    look = f"touch begun; {seen_by_it} | tr '\\0' '\\n' | grep -e sk-servic[e] -e cf-canar[y]"
    models.script("m", [bash(look), bash("sleep 1"), finish()])
    job = desk.job()
    running = asyncio.create_task(desk.run(swe, job))
    await until((desk.workspace / "begun").exists)
    for process in desk.alive(job):
        seen = str([process.cmdline(), process.environ()])
        assert desk.KEY not in seen
        assert "sk-service" not in seen
    assert (await running).data["outcome"] == "done"
    assert desk.ran()[0][1] == 1, "grep found a secret"
    assert desk.KEY not in str(desk.events)
    assert not [path for path in desk.folder.rglob("*") if path.is_file() and holds(path, desk.KEY)]


def holds(path, text):
    return text.encode() in path.read_bytes()
