"""Stopping: whatever Aider is at, nothing of it stays; the run's key is nowhere to be found."""

import asyncio
import signal
import subprocess
import sys
import time
from contextlib import aclosing
from pathlib import Path

import pytest

from codeforge import Kind
from codeforge.testing import Step


async def until(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.05)


async def starting(desk, job, models):
    await until(lambda: len(desk.alive(job)) >= 2)


async def waiting_for_the_model(desk, job, models):
    await models.seen(1)


async def listening_to_the_model(desk, job, models):
    await until(lambda: Kind.SAID in {event.kind for event in desk.events})


async def pausing_before_another_try(desk, job, models):
    await models.seen(4)


@pytest.mark.parametrize(
    ("phase", "model"),
    [
        (starting, "m"),
        (waiting_for_the_model, "hang"),
        (listening_to_the_model, "slow"),
        pytest.param(pausing_before_another_try, "fail-500", marks=pytest.mark.slow),
    ],
)
async def test_a_stop_leaves_no_process(aider, desk, models, phase, model):
    job = desk.job(model)
    running = asyncio.create_task(desk.run(aider, job))
    await phase(desk, job, models)
    assert desk.alive(job)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not desk.alive(job)
    assert not list((desk.workspace / ".git").glob("*.lock"))


async def test_leaving_the_iteration_stops_aider(aider, desk, models):
    job = desk.job("slow")
    async with aclosing(aider.run(job)) as events:
        async for event in events:
            if event.kind == Kind.SAID:
                break
    assert not desk.alive(job)


WORKER = """
import asyncio, sys
from pathlib import Path
from codeforge import AgentJob, Model
from codeforge_agents_aider import Aider
home, folder, gateway, run = sys.argv[1:]
folder = Path(folder)
job = AgentJob(run_id=run, prompt="x", workspace=folder / "workspace", home=folder / "home", state=folder / "state",
               model=Model(name="hang", provider="scripted"), gateway=gateway, key="k",
               mark={"TEST_RUN": run})
async def main():
    async for event in Aider(home=Path(home)).run(job):
        pass
asyncio.run(main())
"""


async def test_a_worker_that_is_killed_takes_aider_with_it(home, desk, models):
    job = desk.job()
    arguments = [str(home), str(desk.folder), desk.gateway, job.run_id]
    worker = subprocess.Popen([sys.executable, "-c", WORKER, *arguments])
    try:
        await models.seen(1)
        assert desk.alive(job)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    await until(lambda: not desk.alive(job), seconds=10.0)


async def test_no_key_is_in_an_argument_an_environment_a_file_or_an_event(monkeypatch, aider, desk, models):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-service")
    models.script("m", [Step(text=desk.EDIT, pause=0.05)])
    job = desk.job()
    running = asyncio.create_task(desk.run(aider, job))
    await listening_to_the_model(desk, job, models)
    for process in desk.alive(job):
        seen = str([process.cmdline(), process.environ()])
        assert desk.KEY not in seen
        assert "sk-service" not in seen
        assert not [file for file in process.open_files() if holds(Path(file.path), desk.KEY)]
    assert (await running).data["outcome"] == "done"
    assert desk.KEY not in str(desk.events)
    assert not [path for path in desk.folder.rglob("*") if path.is_file() and holds(path, desk.KEY)]


def holds(path, text):
    return text.encode() in path.read_bytes()
