"""What the real back ends declare is what their classes override, and a run's agent has it in truth."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from codeforge import AgentBackend, Settings, ended, hookimpl, said
from codeforge.abilities import HOW, Ability, By, abilities, by_default
from codeforge.plugins import Plugins
from codeforge.testing import StandIns, new_repository, running

OWN = {
    "aider": {"follow_up"},
    "openhands": {"follow_up", "steer"},
    "opencode": {"follow_up"},
    "swe": {"follow_up", "steer"},
    "swe_full": set(),
}


def test_the_real_back_ends_do_by_themselves_what_their_classes_override(tmp_path, monkeypatch):
    monkeypatch.setenv("SWEAGENT", str(tmp_path / "sweagent"))
    agents = Plugins().agents(Settings(data_dir=tmp_path))
    own = {name: {str(a) for a, by in abilities(agents[name]).items() if by == By.AGENT} for name in OWN}
    assert own == OWN


def test_every_ability_of_every_kind_of_agent_has_its_words():
    class Deaf(AgentBackend):
        remembers = None

    class Quick(Deaf):
        async def steer(self, job, words):
            return True

    kinds = (
        type("Plain", (AgentBackend,), {"run": None}),
        type("D", (Deaf,), {"run": None}),
        type("Q", (Quick,), {"run": None}),
    )
    plain, deaf, quick = (abilities(kind()) for kind in kinds)
    assert plain == by_default()
    assert (deaf[Ability.STEER], deaf[Ability.FOLLOW_UP]) == (By.NOBODY, By.NOBODY)
    assert (quick[Ability.STEER], quick[Ability.FOLLOW_UP]) == (By.AGENT, By.NOBODY)
    for able in (plain, deaf, quick):
        assert all(HOW[pair] for pair in able.items())


class Forgetful(AgentBackend):
    """Keeps nothing of its turns."""

    name = "forgetful"

    def __init__(self) -> None:
        self.told: list[str] = []

    async def run(self, job):
        self.told.append(job.prompt)
        (job.workspace / f"turn{len(self.told)}.txt").write_text(job.prompt)
        yield said(f"I did turn {len(self.told)}.")
        yield ended()


class Listener(Forgetful):
    """Works until it was told something, which it hears at once."""

    name = "listener"

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []
        self._more = asyncio.Event()

    async def run(self, job):
        await self._more.wait()
        async for event in super().run(job):
            yield event

    async def steer(self, job, words):
        self.heard.append(words)
        self._more.set()
        return True


class Late(Listener):
    """Is found to have heard when its turn is over."""

    name = "late"

    def __init__(self) -> None:
        super().__init__()
        self._over = asyncio.Event()

    async def run(self, job):
        async for event in super().run(job):
            yield event
        self._over.set()

    async def steer(self, job, words):
        await super().steer(job, words)
        await self._over.wait()
        return True


class Offered(StandIns):
    def __init__(self, *agents: AgentBackend) -> None:
        self.agents = agents

    @hookimpl
    def register_agents(self):
        return [*super().register_agents(), *self.agents]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", port=0)


async def sent_back(agent, settings, repository):
    """Let it paint a door, and send that back."""
    async with running(settings, extra={"offered": Offered(agent)}) as (_, api):
        project = await api.post("/projects", {"url": str(repository), "agent": agent.name, "model": "none"})
        run = await api.until(await api.start(project, "Paint the door."))
        back = await api.post(f"/runs/{run['id']}/review", {"verdict": "send_back", "comment": "Blue, please."})
        await api.until(back)


async def test_an_agent_without_a_memory_is_told_the_conversation_so_far(tmp_path, settings):
    agent = Forgetful()
    await sent_back(agent, settings, new_repository(tmp_path / "repository"))
    assert agent.told[0] == "Paint the door."
    assert "You were told:\nPaint the door.\n\nYou said:\nI did turn 1." in agent.told[1]
    assert agent.told[1].endswith("Now:\nBlue, please.")


class Scatterbrained(Forgetful):
    """Keeps a conversation, and loses it."""

    name = "scatterbrained"

    def remembers(self, state):
        return (state / "conversation").exists()


async def test_an_agent_whose_own_conversation_is_lost_is_told_it_as_well(tmp_path, settings):
    agent = Scatterbrained()
    await sent_back(agent, settings, new_repository(tmp_path / "repository"))
    assert "You were told:\nPaint the door.\n\nYou said:\nI did turn 1." in agent.told[1]


async def test_an_agent_that_listens_is_told_in_mid_turn_and_not_again(tmp_path, settings):
    agent, repository = Listener(), new_repository(tmp_path / "repository")
    async with running(settings, extra={"offered": Offered(agent)}) as (_, api):
        project = await api.post("/projects", {"url": str(repository), "agent": agent.name, "model": "none"})
        run = await api.start(project, "Paint the door.")
        await api.post(f"/runs/{run['id']}/messages", {"text": "Blue, please."})
        run = await api.until(run)
        assert run["state"] == "review"
        [listed] = [one for one in (await api.get("/agents"))["items"] if one["name"] == "listener"]
        assert listed["abilities"]["steer"] == {"by": "agent", "how": "Told before its next step."}
        assert (listed["here"], listed["ready"], len(listed["workers"])) == (True, True, 1)
    assert (agent.heard, agent.told) == (["Blue, please."], ["Paint the door."])


async def test_what_an_agent_heard_at_the_end_of_its_turn_is_not_told_again(tmp_path, settings):
    agent, repository = Late(), new_repository(tmp_path / "repository")
    async with running(settings, extra={"offered": Offered(agent)}) as (_, api):
        project = await api.post("/projects", {"url": str(repository), "agent": agent.name, "model": "none"})
        run = await api.start(project, "Paint the door.")
        await api.post(f"/runs/{run['id']}/messages", {"text": "Blue, please."})
        assert (await api.until(run))["state"] == "review"
    assert (agent.heard, agent.told) == (["Blue, please."], ["Paint the door."])
