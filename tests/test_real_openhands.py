"""The real OpenHands, from words to a merged commit, against a scripted provider behind the real gateway."""

import pytest

from codeforge import Settings, Unavailable
from codeforge.testing import ScriptedModels, Step, agents_dir, new_repository, running
from codeforge_agents_openhands import OpenHands

PROMPT = "Make GREETING in hello.py friendlier."
RUN = Step(tools=[("terminal", {"command": "sed -i 's/hello/hello, world/' hello.py && grep -q world hello.py"})])
FINISH = Step(tools=[("finish", {"message": "It is friendlier now."})])
WAIT = Step(tools=[("terminal", {"command": "sleep 300"})])

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("openhands")]


@pytest.fixture
async def installed():
    try:
        await OpenHands(home=agents_dir() / "openhands").install(print)
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture
async def api(tmp_path, installed):
    async with running(Settings(data_dir=tmp_path / "data", agents_dir=agents_dir(), port=0)) as (_, api):
        yield api


@pytest.fixture
async def models():
    async with ScriptedModels() as models:
        models.script("m", [FINISH])
        yield models


@pytest.fixture
async def project(api, models, tmp_path):
    repository = new_repository(tmp_path / "repository", **{"hello.py": 'GREETING = "hello"\n'})
    await api.call("PUT", "/providers/s?test=false", {"kind": "openai-compatible", "base_url": models.url, "key": "k"})
    values = {"url": str(repository), "agent": "openhands", "model": "s/m", "check": "grep -q world hello.py"}
    return await api.post("/projects", values)


async def test_openhands_runs_commands_is_checked_follows_up_and_is_merged(api, models, project, tmp_path):
    models.script("m", [RUN, FINISH])
    run = await api.until(await api.start(project, PROMPT), seconds=90)
    assert (run["state"], run["detail"]) == ("review", "")
    assert run["check"]["exit"] == 0
    assert run["usage"]["calls"] == len(models.requests) == 2
    again = await api.post(f"/runs/{run['id']}/review", {"verdict": "send_back", "comment": "Say moon, too."})
    models.script("m", [Step(tools=[("terminal", {"command": "sed -i 's/world/world, moon/' hello.py"})]), FINISH])
    again = await api.until(again, seconds=90)
    assert (again["state"], again["detail"]) == ("review", "")
    assert PROMPT in models.requests[-1].text
    await api.post(f"/runs/{again['id']}/review", {"verdict": "accept"})
    assert (tmp_path / "repository" / "hello.py").read_text() == 'GREETING = "hello, world, moon"\n'


async def test_a_pause_in_a_command_goes_on_when_it_is_resumed(api, models, project):
    models.script("m", [RUN, WAIT])
    run = await api.start(project, PROMPT)
    await models.seen(2)
    await api.post(f"/runs/{run['id']}/pause")
    await api.until(run, "paused", seconds=15)
    models.script("m", [FINISH])
    await api.post(f"/runs/{run['id']}/resume")
    run = await api.until(run, seconds=90)
    assert (run["state"], run["detail"], run["check"]["exit"]) == ("review", "", 0)
