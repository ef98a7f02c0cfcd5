"""The full SWE-agent, as far as a stand-in can tell: found, kept apart, driven, ended with a reason."""

import asyncio
import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from codeforge import Kind, Limits, Reason, RunFailure, Settings, Unavailable
from codeforge.testing import Step
from codeforge_agents_swe import FullSwe, register_agents

SUBMIT = Step(text="It is done.", tools=[("submit", {})])


@pytest.fixture(scope="session")
def installed():
    spec = importlib.util.spec_from_file_location("swe_installed", Path(__file__).with_name("installed.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def command(installed, tmp_path_factory):
    return installed.install(tmp_path_factory.mktemp("installed"))


@pytest.fixture
async def full(command):
    agent = FullSwe(command=command)
    health = await agent.check()
    if "private mount" in health.detail:
        pytest.skip(health.detail)
    return agent


async def test_it_is_offered_only_where_its_command_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("SWEAGENT", raising=False)
    assert [agent.name for agent in register_agents(Settings(data_dir=tmp_path))] == ["swe"]
    monkeypatch.setenv("SWEAGENT", str(tmp_path / "sweagent"))
    _, full = register_agents(Settings(data_dir=tmp_path))
    health = await full.check()
    assert (full.name, health.ok) == ("swe_full", False)
    assert "No such file or directory" in health.detail
    assert "SWEAGENT" in health.fix


@pytest.mark.parametrize(
    ("script", "why"),
    [("#!/usr/bin/env node\n", "does not say which Python"), ("#!/usr/bin/python3\n", "has no SWE-agent")],
)
async def test_a_command_that_is_none_is_told_apart(tmp_path, desk, script, why):
    command = tmp_path / "sweagent"
    command.write_text(script)
    with pytest.raises(Unavailable, match=why):
        await FullSwe(command=command).install(print)
    with pytest.raises(RunFailure, match=why) as caught:
        await desk.run(FullSwe(command=command), desk.job())
    assert caught.value.reason == Reason.PLUGIN_MISSING


@pytest.mark.slow
async def test_the_package_of_that_name_on_the_index_is_refused(installed, tmp_path):
    health = await FullSwe(command=installed.install(tmp_path / "old", "0.0.1")).check()
    assert "0.0.1, which is too old" in health.detail


async def test_the_longer_form_of_a_script_s_first_lines_is_read(tmp_path, command):
    script = tmp_path / "sweagent"
    script.write_text(f"#!/bin/sh\n'''exec' \"{command.parent}/python\" \"$0\" \"$@\"\n' '''\n")
    assert "private mount" in (health := await FullSwe(command=script).check()).detail or health.version == "1.1.0"


async def test_a_change_is_made_told_and_counted_and_its_fixed_paths_are_its_own(full, desk, models):
    before = visible("/root")
    edit = Step(text="I edit.", tools=[("bash", {"command": "echo '# new' >> hello.py; ls /root | sort; echo $HOME"})])
    models.script("m", [Step(status=503), edit, SUBMIT])
    last = await desk.run(full, desk.job())
    assert last.data == {"outcome": "done", "reason": None, "detail": ""}, desk.events
    assert desk.changed() == [" M hello.py"]
    assert desk.texts(Kind.SAID) == ["I edit.", "It is done."]
    assert desk.texts(Kind.EDITED) == ["hello.py"]
    assert len(desk.texts(Kind.USAGE)) == 2
    shown = desk.texts(Kind.LOG)
    assert {*before, "state.json", "tools"} <= {*shown}
    assert str(desk.folder / "home") in shown
    assert visible("/root") == before
    assert str(desk.workspace) in models.requests[0].text


@pytest.mark.parametrize(
    ("steps", "limits", "reason"),
    [
        ([Step(status=401)], Limits(), Reason.MODEL_AUTH),
        pytest.param([Step(status=500)], Limits(), Reason.MODEL_UNREACHABLE, marks=pytest.mark.slow),
        ([Step(tools=[("bash", {"command": "true"})])], Limits(steps=3), Reason.STEP_LIMIT),
        pytest.param(
            [Step(text="slow " * 1000, pause=0.1)], Limits(seconds=2), Reason.TIME_LIMIT, marks=pytest.mark.slow
        ),
        pytest.param([Step(tools=[("fly", {})])], Limits(), Reason.BAD_OUTPUT, marks=pytest.mark.slow),
    ],
)
async def test_each_end_has_its_reason(full, desk, models, steps, limits, reason):
    models.script("m", steps)
    last = await desk.run(full, desk.job(limits=limits, patience=1.0))
    assert last.data["reason"] == reason, last.data
    assert len(models.requests) <= 5


async def test_two_at_once_do_not_meet_and_a_stop_leaves_nothing(full, desk, models):
    models.script("m", [Step(tools=[("bash", {"command": "sleep 555"})])])
    jobs = [replace(desk.job(), home=desk.folder / f"home-{n}") for n in range(2)]
    running = [asyncio.create_task(desk.run(full, job)) for job in jobs]
    async with asyncio.timeout(30):
        while len([one for one in desk.alive(jobs[0]) if one.name() == "sleep"]) < 2:
            await asyncio.sleep(0.05)
    for one in running:
        one.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    assert not desk.alive(jobs[0])


def visible(folder):
    try:
        return sorted(path.name for path in Path(folder).iterdir() if not path.name.startswith("."))
    except PermissionError:  # which is why they are SWE-agent's own, then
        return []
