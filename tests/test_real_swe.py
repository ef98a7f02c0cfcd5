"""The real mini-swe-agent, from words to a change, a follow-up and a replay, behind the real gateway."""

import pytest

from codeforge import Settings
from codeforge.testing import ScriptedModels, Step, agents_dir, new_repository, running

KEY = "sk-canary-provider-key-7f3a"
PROMPT = "Make GREETING in hello.py friendlier."


def command(text: str) -> Step:
    return Step(text="So.", tools=[("bash", {"command": text})])


SUBMIT = command("echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT")


@pytest.fixture
async def models():
    async with ScriptedModels() as models:
        yield models


@pytest.fixture
async def api(tmp_path):
    async with running(Settings(data_dir=tmp_path / "data", agents_dir=agents_dir(), port=0)) as (_, api):
        yield api


@pytest.fixture
async def project(api, models, tmp_path):
    repository = new_repository(tmp_path / "repository", **{"hello.py": 'GREETING = "hello"\n'})
    provider = {"kind": "openai-compatible", "base_url": models.url, "key": KEY, "settings": {"models": ["m"]}}
    await api.call("PUT", "/providers/scripted?test=false", provider)
    return await api.post("/projects", {"url": str(repository), "agent": "swe", "model": "scripted/m"})


async def test_a_run_edits_is_sent_back_goes_on_and_is_replayed_to_the_same_change(api, models, project):
    models.script("m", [
        Step(status=429, text="slow down"), command("pwd; git log -1; cat hello.py"),
        command("sed -i 's/hello/hello, world/' hello.py && git commit -qam mine; python3 -c 'import hello'"), SUBMIT,
    ])  # fmt: skip
    run = await api.until(await api.start(project, PROMPT), seconds=60)
    assert (run["state"], run["detail"]) == ("review", "")
    assert run["usage"]["calls"] == len(models.requests) == 4
    events = (await api.get(f"/runs/{run['id']}/events"))["items"]
    assert [event["data"]["exit"] for event in events if event["kind"] == "ran"] == [0, 0, 0]
    assert [event["data"]["path"] for event in events if event["kind"] == "edited"] == ["hello.py"]
    diff = await api.get(f"/runs/{run['id']}/diff")
    assert [file["path"] for file in diff["files"]] == ["hello.py"]

    models.script("m", [command("sed -i 's/world/moon/' hello.py"), SUBMIT])
    again = await api.post(f"/runs/{run['id']}/review", {"verdict": "send_back", "comment": "Say moon instead."})
    again = await api.until(again, seconds=60)
    assert (again["state"], again["detail"]) == ("review", "")
    assert PROMPT in models.requests[-1].text
    assert "Say moon instead." in models.requests[-1].text

    asked = len(models.requests)
    replayed = await api.post(f"/runs/{run['id']}/replay", {})
    replayed = await api.until(replayed, seconds=60)
    assert (replayed["state"], replayed["detail"]) == ("review", "")
    assert len(models.requests) == asked
