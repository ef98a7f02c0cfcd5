"""Files that CodeForge lays for an agent, or keeps of it, where the agent may have laid something else before."""

import os

import pytest

from codeforge_agents_acp import AcpAgent, Agent
from codeforge_agents_acp.known import KNOWN


@pytest.fixture
def outside(tmp_path):
    (tmp_path / "outside").mkdir()
    return tmp_path / "outside"


@pytest.fixture
def filed(tmp_path, plain):
    files = {".tool/settings.json": "{model}", "{state}/tool/settings.json": "{model}"}
    agent = Agent(command=plain()._agent.command, env=plain()._agent.env, files=files)
    return AcpAgent("plain", agent, home=tmp_path / "agents")


async def test_files_come_into_home_and_into_what_is_kept(filed, desk):
    last = await desk.do(filed, ("end", "end_turn"))
    assert last.data["outcome"] == "done"
    job = desk.job()
    assert [(top / "settings.json").read_text() for top in (job.home / ".tool", job.state / "tool")] == ["talk"] * 2


async def test_links_in_the_place_of_files_are_replaced(filed, desk, outside):
    job = desk.job()
    job.home.mkdir(parents=True, exist_ok=True)
    job.state.mkdir(parents=True, exist_ok=True)
    for link in (job.home / "gitconfig", job.state / "acp.new", job.state / "acp.json"):
        link.symlink_to(outside / link.name)
    await desk.do(filed, ("end", "end_turn"))
    assert list(outside.iterdir()) == []
    assert "safe" in (job.home / "gitconfig").read_text()
    assert filed.remembers(job.state)


async def test_a_link_in_the_place_of_a_folder_is_refused(filed, desk, outside):
    job = desk.job()
    job.home.mkdir(parents=True, exist_ok=True)
    (job.home / ".tool").symlink_to(outside)
    with pytest.raises(OSError, match=r"\.tool"):
        await desk.do(filed, ("end", "end_turn"))
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("lay", [os.mkfifo, os.mkdir])
async def test_what_lies_in_the_place_of_its_memory_costs_no_more_than_that(plain, desk, lay):
    job = desk.job()
    job.state.mkdir(parents=True, exist_ok=True)
    lay(job.state / "acp.json")
    last = await desk.do(plain(), ("end", "end_turn"), follow_up=True)
    assert last.data["outcome"] == "done"


def test_claude_keeps_its_conversation_where_it_is_kept_between_runs():
    known = KNOWN["claude-agent-acp"]
    assert f"{known.env['CLAUDE_CONFIG_DIR']}/settings.json" in known.files
    assert known.env["CLAUDE_CONFIG_DIR"].startswith("{state}/")
