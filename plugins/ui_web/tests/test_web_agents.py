"""The page of agents: what each can do, where it is installed, and how an administrator installs it."""

from __future__ import annotations

import asyncio

import pytest
from web_asking import read, send
from web_stage import NASTY, BrokenAgent, MissingAgent, ScriptedAgent

from codeforge import Health

AIDER = {"ready": True, "version": "0.86.2", "size_mb": 661, "abilities": {}}


class Listener(ScriptedAgent):
    """Hears words while it works, and keeps a conversation."""

    name = "listener"

    def remembers(self, state):
        return True

    async def steer(self, job, words):
        return True


class OneTurn(ScriptedAgent):
    name = "one_turn"
    remembers = None


class Brought(ScriptedAgent):
    """People bring it themselves."""

    name = "brought"

    async def check(self):
        return Health(name=self.name, ok=False, detail="There is no command brought.", fix="Install it.")


@pytest.fixture
async def swe(stage):
    agent = stage.forge.offers.agents["swe"] = MissingAgent()
    await stage.lodge()
    return agent


async def row_until(client, text, name="swe"):
    """The agent's row once it has the text."""
    async with asyncio.timeout(20):
        while text not in (row := await read(client, f"/agents/{name}")):
            await asyncio.sleep(0.01)
    return row


async def test_an_agent_is_installed_once_with_its_progress_shown(client, stage, swe):
    text = await read(client, "/agents")
    assert 'aria-label="Install swe"' in text
    assert "swe is not installed yet." in text
    assert "<code>codeforge agents install swe</code>" in text
    assert 'aria-label="Install aider"' not in text
    for _ in range(2):
        status, headers, text = await send(client, "/agents/swe/install")
        assert (status, headers["HX-Retarget"], "Installing" in text) == (200, '[id="agent-swe"]', True)
    row = await row_until(client, "about 10 MB the first time")
    assert "every 1s" in row
    assert NASTY not in row
    assert swe.begun == 1
    swe.go.set()
    row = await row_until(client, ">Installed<")
    assert "2.4.6" in row
    assert "every 1s" not in row
    assert "Install swe" not in row


async def test_an_installation_is_stopped_and_may_begin_again(client, stage, swe):
    await send(client, "/agents/swe/install")
    await row_until(client, "about 10 MB")
    _, _, text = await send(client, "/agents/swe/stop")
    assert "was stopped, and nothing of it is left" in text
    assert 'aria-label="Install swe"' in text
    await send(client, "/agents/swe/install")
    await row_until(client, "about 10 MB")
    assert swe.begun == 2
    await stage.forge.agents.close()


async def test_an_installation_that_fails_says_why_in_one_sentence(client, stage, swe):
    swe.wrong = f"It could not be installed: {NASTY}."
    swe.go.set()
    await send(client, "/agents/swe/install")
    row = await row_until(client, "It could not be installed: &lt;img")
    assert 'aria-label="Install swe"' in row


async def test_without_scripts_one_is_led_back_to_the_page(client, stage, swe):
    status, headers, _ = await send(client, "/agents/swe/install", headers={"Sec-Fetch-Site": "same-origin"})
    assert (status, headers["Location"]) == (303, "/agents")
    await stage.forge.agents.close()


async def test_an_agent_that_no_plugin_offers_is_not_found(client, stage, swe):
    status, _, text = await send(client, "/agents/evil%2F..%2Fx/install")
    assert (status, "There is no agent evil/../x" in text) == (404, True)


async def test_who_may_not_administer_sees_the_agents_and_installs_none(stage, stranger, swe):
    _, token = await stage.forge.accounts.new_token(stage.who, "scripts", ("read", "write"))
    member = {"Authorization": f"Bearer {token}"}
    for verb in ("install", "stop"):
        answer = await stranger.post(f"/agents/swe/{verb}", headers=member)
        assert answer.status == 403
    text = await read(stranger, "/agents", **member)
    assert "An administrator can install agents on this machine." in text
    assert "Install swe" not in text
    assert swe.begun == 0


async def test_for_a_fleet_the_page_says_that_agents_are_installed_on_the_workers(client, stage):
    stage.forge.offers.agents["swe"] = MissingAgent()
    worker, _ = await stage.forge.workers.add(stage.who, "build-1")
    older, _ = await stage.forge.workers.add(stage.who, "build-2")
    facts = {"host": "lab", "version": "0.1.0", "agents": ["aider", "swe"], "slots": 2}
    for one in (worker, older):
        await stage.forge.workers.hello(one.id, **facts)
    await stage.forge.workers.describe(worker.id, {"aider": AIDER, "swe": {**AIDER, "ready": False}})
    text = await read(client, "/agents")
    assert "Agents are installed on the workers: run <code>codeforge agents install NAME</code> there." in text
    assert "build-1: installed, 0.86.2, 661 MB" in text
    assert "build-1: not installed, run <code>codeforge agents install swe</code> there" in text
    assert "build-2: does not say whether it is installed" in text
    assert "Install swe" not in text
    status, _, text = await send(client, "/agents/swe/install")
    assert (status, "This server runs no agents" in text) == (409, True)


async def test_an_agent_that_is_not_installed_is_shown_as_such_in_every_form(client, stage, swe):
    project = await stage.project(agent="swe")
    run = await stage.review(await stage.task(project))
    for path in (f"/projects/{project.id}", f"/projects/{project.id}/settings", f"/tasks/{run.task_id}", "/projects"):
        text = await read(client, path)
        assert "swe (not ready)" in text, path
        assert "codeforge agents install swe" in text
        assert "aider (not ready)" not in text
    swe.go.set()
    await send(client, "/agents/swe/install")
    await row_until(client, ">Installed<")
    assert "swe (not ready)" not in await read(client, f"/tasks/{run.task_id}")


async def test_of_agents_that_people_bring_or_that_are_broken_nothing_untrue_is_said(client, stage):
    stage.forge.offers.agents |= {"brought": Brought(), "openhands": BrokenAgent()}
    await stage.lodge()
    project = await stage.project()
    text = await read(client, f"/projects/{project.id}")
    assert 'data-note="There is no command brought. Install it."' in text
    assert 'data-note="Its check failed: its command is not on PATH"' in text
    assert "Its first run installs it" not in text
    row = await read(client, "/agents/brought")
    assert "Not ready" in row
    assert "<button" not in row


@pytest.mark.parametrize(
    ("agent", "steered", "followed"),
    [
        ("aider", "Told when its present turn ends.", "told the conversation so far."),
        ("listener", "Told before its next step.", "in its own conversation."),
    ],
)
async def test_a_run_says_how_its_agent_hears_and_goes_on(client, stage, agent, steered, followed):
    stage.forge.offers.agents["listener"] = Listener()
    project = await stage.project(agent=agent)
    run = await stage.working(await stage.task(project))
    text = await read(client, f"/runs/{run.id}")
    assert steered in text
    assert "Pause: its process ends at once" in text
    done = await stage.review(await stage.task(project))
    assert followed in await read(client, f"/runs/{done.id}")


async def test_a_run_of_an_agent_that_takes_one_turn_offers_neither_words_nor_a_way_back(client, stage):
    stage.forge.offers.agents["one_turn"] = OneTurn()
    project = await stage.project(agent="one_turn")
    done = await stage.review(await stage.task(project))
    text = await read(client, f"/runs/{done.id}")
    assert 'id="accept"' in text
    assert "Send back" not in text
    assert 'name="verdict" value="reject"' in text
    run = await stage.working(await stage.task(project))
    text = await read(client, f"/runs/{run.id}")
    assert 'id="text"' not in text
    assert ">Pause<" in text
    for path, given in ((f"/runs/{run.id}/messages", {"text": "x"}), (f"/runs/{done.id}/messages", {"text": "x"})):
        status, _, text = await send(client, path, **given)
        assert (status, "The agent one_turn takes one turn" in text) == (409, True)


async def test_the_worker_s_word_counts_for_its_run(client, stage):
    stage.forge.offers.agents["listener"] = Listener()
    await stage.hello()
    older = {"listener": {**AIDER, "abilities": {"steer": "codeforge", "fly": "agent", "pause": "magic"}}}
    await stage.forge.workers.describe("worker-1", older)
    run = await stage.working(await stage.task(await stage.project(agent="listener")))
    text = await read(client, f"/runs/{run.id}")
    assert "Told when its present turn ends." in text
    assert "Pause: its process ends at once" in text
