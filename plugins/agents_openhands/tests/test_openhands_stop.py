"""Stopping: whatever OpenHands is at, nothing of it stays; the run's key is nowhere to be found."""

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codeforge import Kind
from codeforge.testing import Step


async def until(condition, seconds=60.0):
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


async def running_a_command(desk, job, models):
    await until((desk.workspace / "begun").exists)


@pytest.fixture(params=["openhands", pytest.param("cold", marks=pytest.mark.slow)])
def agent(request):
    return request.getfixturevalue(request.param)


STUBBORN = "trap '' TERM; (setsid sh -c \"trap '' TERM; sleep 300; true\" &) ; touch begun; sleep 300"


@pytest.mark.parametrize(
    ("phase", "model"),
    [
        (starting, "m"),
        (waiting_for_the_model, "hang"),
        (listening_to_the_model, "slow"),
        (running_a_command, "m"),
    ],
)
async def test_a_stop_leaves_no_process_within_two_seconds(agent, desk, models, say, phase, model):
    job = desk.job(model)
    models.script("m", say.shell(STUBBORN))
    running = asyncio.create_task(desk.run(agent, job))
    await phase(desk, job, models)
    assert desk.alive(job)
    before = time.monotonic()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert time.monotonic() - before < 3.0
    assert not desk.alive(job)


async def test_a_run_that_was_killed_goes_on_in_a_new_process_without_running_its_command_again(
    openhands, desk, models, say
):
    models.script("m", [say.shell("echo x >> count; touch begun; sleep 300")[0]])
    job = desk.job(prompt="Count, says ORCHID.")
    running = asyncio.create_task(desk.run(openhands, job))
    await running_a_command(desk, job, models)
    for process in desk.alive(job):
        process.kill()
    assert (await running).data["reason"] == "agent_error"
    await until(lambda: not desk.alive(job))
    models.script("m", say.finish())
    last = await desk.run(openhands, desk.job(prompt="Go on.", follow_up=True))
    assert last.data["outcome"] == "done"
    assert desk.read("count") == "x\n"
    assert "ORCHID" in models.requests[-1].text


async def test_a_run_that_was_stopped_goes_on_as_well(openhands, desk, models, say):
    models.script("m", [say.shell("echo x >> count; touch begun; sleep 300")[0]])
    job = desk.job(prompt="Count, says ORCHID.")
    running = asyncio.create_task(desk.run(openhands, job))
    await running_a_command(desk, job, models)
    running.cancel()
    await asyncio.wait([running])
    models.script("m", say.finish())
    last = await desk.run(openhands, desk.job(prompt="Go on.", follow_up=True))
    assert last.data["outcome"] == "done"
    assert desk.read("count") == "x\n"
    assert "ORCHID" in models.requests[-1].text
    assert "interrupted before completion" in models.requests[-1].text


WORKER = """
import asyncio, sys
from pathlib import Path
from codeforge import AgentJob, Model
from codeforge_agents_openhands import OpenHands
home, folder, gateway, run, warm = sys.argv[1:]
folder = Path(folder)
job = AgentJob(run_id=run, prompt="x", workspace=folder / "workspace", home=folder / "home", state=folder / "state",
               model=Model(name="m", provider="scripted"), gateway=gateway, key="k",
               mark={"TEST_RUN": run})
async def main():
    async for event in OpenHands(home=Path(home), warm=warm == "warm").run(job):
        pass
asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("warm", ["warm", "cold"])
async def test_a_worker_that_is_killed_takes_openhands_with_it(home, desk, models, say, warm):
    models.script("m", say.shell(STUBBORN))
    job = desk.job()
    arguments = [str(home), str(desk.folder), desk.gateway, job.run_id, warm]
    worker = subprocess.Popen([sys.executable, "-c", WORKER, *arguments])
    try:
        await running_a_command(desk, job, models)
        assert desk.alive(job)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    await until(lambda: not desk.alive(job), seconds=10.0)


async def test_no_key_is_in_an_argument_an_environment_a_file_or_an_event(openhands, desk, models, say):
    work, done = say.shell("touch begun; sleep 1; cat /proc/$PPID/environ /proc/$PPID/cmdline | tr '\\0' '\\n' > seen")
    models.script("m", [Step(text="I will think about it.", tools=work.tools), done])
    job = desk.job()
    running = asyncio.create_task(desk.run(openhands, job))
    await running_a_command(desk, job, models)
    for process in desk.alive(job):
        assert desk.KEY not in str([process.cmdline(), process.environ()])
        assert not [file for file in process.open_files() if holds(Path(file.path), desk.KEY)]
    assert (await running).data["outcome"] == "done"
    assert desk.KEY not in str(desk.events)
    assert not [path for path in desk.folder.rglob("*") if path.is_file() and holds(path, desk.KEY)]
    assert not (openhands._environment.python.parents[2] / "nobody").exists()  # what warm starts would share


def holds(path, text):
    return text.encode() in path.read_bytes()
