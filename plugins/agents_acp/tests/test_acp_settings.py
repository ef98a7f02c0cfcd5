"""Agents by the settings, and a whole run of one that asks a person."""

import asyncio
import sys
from pathlib import Path

import pytest

from codeforge import Invalid, Settings, Unavailable
from codeforge.testing import StandIns, new_repository, running
from codeforge_agents_acp import Agent, register_agents
from codeforge_agents_acp.known import with_known

EXAMPLE = [sys.executable, str(Path(__file__).with_name("example_agent.py"))]


def offered(tmp_path, **agents):
    return {agent.name: agent for agent in register_agents(settings(tmp_path, agents))}


def settings(tmp_path, agents):
    return Settings(data_dir=tmp_path / "data", port=0, plugins={"agents_acp": {"agents": agents}})


async def test_any_command_is_an_agent_and_those_that_are_known_need_no_more(tmp_path):
    agents = offered(tmp_path, mine="sh -c 'exit 1'", **{"codex-acp": "codex-acp"})
    assert sorted(agents) == ["codex-acp", "mine", "opencode"]
    assert (await agents["mine"].check()).ok
    health = await agents["codex-acp"].check()
    assert (health.ok, "codex-acp" in health.detail) == (False, True)
    with pytest.raises(Unavailable, match="codex-acp"):
        await agents["codex-acp"].install(print)


def test_the_name_of_a_known_agents_program_is_enough():
    assert with_known("qwen", Agent(command="/opt/qwen")).command == ("/opt/qwen", "--acp")
    assert with_known("qwen", Agent(command="qwen --acp -d")).command == ("qwen", "--acp", "-d")
    assert with_known("mine", Agent(command="mine")).command == ("mine",)


async def test_a_package_says_how_to_get_it_and_what_it_lacks(tmp_path, monkeypatch):
    monkeypatch.delenv("CODEFORGE_AGENTS_DIR", raising=False)  # where earlier tests may have installed it
    opencode = offered(tmp_path)["opencode"]
    health = await opencode.check()
    assert (health.ok, health.fix) == (False, "codeforge agents install opencode")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Unavailable, match="needs npm"):
        await opencode.install(print)


async def test_one_that_the_settings_name_takes_the_place_of_the_package(tmp_path):
    agents = offered(tmp_path, opencode="sh --acp")
    assert (await agents["opencode"].check()).detail.endswith("/sh is there.")


@pytest.mark.parametrize(("agent", "words"), [
    ({"command": "x --key {key}"}, "the key does not belong into a command line"),
    ({"command": "x", "files": {"../up": ""}}, "no path within HOME"),
    ({"command": "x", "files": {"/etc/up": ""}}, "no path within HOME"),
    ({"command": "x", "files": {"{state}/../up": ""}}, "no path within HOME"),
    ({"command": "x", "files": {"config": "{key}"}}, "the key does not belong into a file"),
    ({"command": []}, r"plugins.agents_acp.agents.mine.command"),
    ({"comand": "x"}, r"plugins.agents_acp.agents.mine"),
])  # fmt: skip
def test_a_wrong_setting_is_named(tmp_path, agent, words):
    with pytest.raises(Invalid, match=words):
        offered(tmp_path, mine=agent)


def test_settings_come_from_the_environment_as_json(tmp_path, monkeypatch):
    monkeypatch.setenv("CODEFORGE_PLUGINS", '{"agents_acp": {"agents": {"mine": "sh"}}}')
    assert "mine" in {agent.name for agent in register_agents(Settings(data_dir=tmp_path))}


async def test_a_person_answers_what_an_agent_asks_and_its_change_is_there(tmp_path):
    repository = new_repository(tmp_path / "repository")
    async with running(settings(tmp_path, {"example": EXAMPLE}), extra={"stand_ins": StandIns()}) as (_, api):
        told = {"url": str(repository), "agent": "example", "model": "none", "permissions": "ask"}
        run = await api.start(await api.post("/projects", told), "Write something.")
        async with asyncio.timeout(30):
            while not (found := await api.get(f"/runs/{run['id']}"))["questions"]:
                await asyncio.sleep(0.02)
        [question] = found["questions"]
        assert question["text"] == "Edit: Write example.txt"
        await api.post(f"/runs/{run['id']}/answers", {"question": question["id"], "answer": "yes"})
        done = await api.until(run)
        assert (done["state"], done["change"]["files"]) == ("review", 1)
