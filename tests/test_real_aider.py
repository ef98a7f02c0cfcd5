"""The real Aider, from words to a merged commit, against a scripted provider behind the real gateway."""

import asyncio
import os
import time

import psutil
import pytest

from codeforge import Settings
from codeforge.testing import ScriptedModels, Server, Step, agents_dir, git, new_repository, running, search_replace

KEY = "sk-canary-provider-key-7f3a"
EDIT = "Friendlier.\n\n" + search_replace("hello.py", 'GREETING = "hello"\n', 'GREETING = "hello, world"\n')
PROMPT = "Make GREETING in hello.py friendlier."

pytestmark = pytest.mark.xdist_group("aider")  # one after the other: each start costs seconds of a core


@pytest.fixture
def repository(tmp_path):
    return new_repository(tmp_path / "repository", **{"hello.py": 'GREETING = "hello"\n'})


@pytest.fixture
async def models():
    async with ScriptedModels() as models:
        models.script("good", [EDIT])
        yield models


async def project_of(api, models, repository, model: str = "good") -> dict:
    provider = {"kind": "openai-compatible", "base_url": models.url, "key": KEY}
    await api.call("PUT", "/providers/scripted?test=false", provider)
    check = "grep -q world hello.py"
    values = {"url": str(repository), "agent": "aider", "model": f"scripted/{model}", "check": check}
    return await api.post("/projects", values)


@pytest.fixture
async def api(tmp_path):
    async with running(Settings(data_dir=tmp_path / "data", agents_dir=agents_dir(), port=0)) as (_, api):
        yield api


@pytest.mark.slow
async def test_aider_does_its_work_in_a_sandbox_and_its_conversation_goes_on(models, repository, tmp_path):
    settings = Settings(data_dir=tmp_path / "data", agents_dir=agents_dir(), port=0, sandbox="bubblewrap")
    async with running(settings) as (_, api):
        project = await project_of(api, models, repository)
        run = await api.until(await api.start(project, PROMPT), seconds=90)
        assert (run["state"], run["detail"], run["check"]["exit"]) == ("review", "", 0)
        assert run["sandbox"].startswith("Confined by bubblewrap")
        assert run["usage"]["calls"] == len(models.requests) == 1
        again = await api.post(f"/runs/{run['id']}/review", {"verdict": "send_back", "comment": "Hello, moon instead."})
        models.script(
            "good", [search_replace("hello.py", 'GREETING = "hello, world"\n', 'GREETING = "world and moon"\n')]
        )
        again = await api.until(again, seconds=90)
        assert (again["state"], again["detail"]) == ("review", "")
        assert "hello, world" in models.requests[1].text  # it knows what it did in the sandbox before


async def test_aider_edits_is_checked_reviewed_and_merged_and_its_calls_are_counted(api, models, repository, tmp_path):
    project = await project_of(api, models, repository)
    run = await api.until(await api.start(project, PROMPT), seconds=90)
    assert (run["state"], run["detail"]) == ("review", "")
    assert run["check"]["exit"] == 0
    assert [f["path"] for f in (await api.get(f"/runs/{run['id']}/diff"))["files"]] == ["hello.py"]
    assert run["usage"]["calls"] == len(models.requests) == 1
    assert run["usage"]["prompt_tokens"] > 0
    assert run["usage"]["cost_micro"] is None  # the provider tells no price, so it is unpriced, not free
    again = await api.post(f"/runs/{run['id']}/review", {"verdict": "send_back", "comment": "Say hello, moon instead."})
    models.script(
        "good", [search_replace("hello.py", 'GREETING = "hello, world"\n', 'GREETING = "hello, moon and world"\n')]
    )
    again = await api.until(again, seconds=90)
    assert (again["state"], again["detail"]) == ("review", "")
    assert PROMPT in repr(models.requests[-1])  # it remembers what was said before
    await api.post(f"/runs/{again['id']}/review", {"verdict": "accept"})
    assert (repository / "hello.py").read_text() == 'GREETING = "hello, moon and world"\n'
    assert git(repository, "status", "--porcelain") == ""
    canaries = [p for p in (tmp_path / "data").rglob("*") if p.is_file() and KEY.encode() in p.read_bytes()]
    assert canaries == []


async def test_a_wrong_key_is_told_as_such(api, models, repository):
    models.script("locked", [Step(status=401, text=f"Incorrect API key provided: {KEY}")])
    project = await project_of(api, models, repository, "locked")
    run = await api.until(await api.start(project, PROMPT), seconds=90)
    assert (run["state"], run["reason"]) == ("failed", "model_auth")
    assert KEY not in repr(await api.get(f"/runs/{run['id']}/events?limit=1000")) + repr(run)


async def test_a_busy_provider_is_asked_again(api, models, repository):
    models.script("busy", [Step(status=429, text="slow down"), EDIT])
    project = await project_of(api, models, repository, "busy")
    run = await api.until(await api.start(project, PROMPT), seconds=90)
    assert (run["state"], run["detail"]) == ("review", "")
    assert len(models.requests) == 2


async def test_a_stop_in_mid_run_ends_aider_and_its_model_call(api, models, repository):
    models.script("silent", [Step(text=EDIT, until=0, then="hang")])
    project = await project_of(api, models, repository, "silent")
    run = await api.start(project, PROMPT)
    await models.seen(1)
    await api.post(f"/runs/{run['id']}/stop")
    started = time.monotonic()
    run = await api.until(run)
    assert run["state"] == "stopped"
    assert time.monotonic() - started < 8
    assert working_for(run) == []
    assert len(models.requests) == 1


async def test_a_pause_ends_aider_and_its_model_call_and_it_goes_on_when_it_is_resumed(api, models, repository):
    models.script("silent", [Step(text=EDIT, until=0, then="hang")])
    project = await project_of(api, models, repository, "silent")
    run = await api.start(project, PROMPT)
    await models.seen(1)
    await api.post(f"/runs/{run['id']}/pause")
    await api.until(run, "paused", seconds=8)
    assert working_for(run) == []
    assert len(models.requests) == 1
    models.script("silent", [EDIT])
    await api.post(f"/runs/{run['id']}/resume")
    run = await api.until(run, seconds=90)
    assert (run["state"], run["detail"], run["check"]["exit"]) == ("review", "", 0)
    assert len(models.requests) == 2


@pytest.mark.slow
async def test_a_killed_server_takes_aider_along_and_the_run_starts_again(models, repository, tmp_path):
    models.script("silent", [Step(text=EDIT, until=0, then="hang")])
    server = Server(tmp_path / "data", env={"CODEFORGE_AGENTS_DIR": str(agents_dir())})
    api = await server.start()
    project = await project_of(api, models, repository, "silent")
    run = await api.start(project, PROMPT)
    await models.seen(1)
    assert working_for(run)
    await server.kill()
    deadline = time.monotonic() + 15
    while working_for(run):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    models.script("silent", [EDIT])
    async with server as api:
        run = await api.until(run, seconds=90)
        assert (run["state"], run["detail"]) == ("review", "")


def working_for(run: dict) -> list[psutil.Process]:
    """The live processes that carry the run's mark in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and run["id"] in process.environ().get("CODEFORGE_RUN_FOLDER", ""):
                found.append(process)
        except psutil.Error:
            continue
    return found
