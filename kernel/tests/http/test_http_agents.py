"""Agents by the API: what they can do and where they are, and their installation on the server's own machine."""

import asyncio

import pytest

import codeforge.abilities
import codeforge.boot.working
from codeforge import AgentBackend, Health, NotFound, Unavailable, ended
from codeforge.abilities import described
from codeforge.boot.background import background

CAN = {"pause": "codeforge", "steer": "codeforge", "follow_up": "codeforge", "resume": "codeforge"}


class Slow(AgentBackend):
    """Its installation goes on until it is let."""

    name = "slow"

    def __init__(self):
        self.ok, self.begun, self.go, self.wrong = False, 0, asyncio.Event(), None

    async def check(self):
        return Health(name="slow", ok=self.ok, detail="slow is there." if self.ok else "slow is missing.", fix="Wait.")

    async def install(self, say):
        self.begun += 1
        say("Fetching slow")
        await self.go.wait()
        if self.wrong:
            raise self.wrong
        self.ok = True

    async def run(self, job):
        yield ended()


class OneTurn(Slow):
    name = "one_turn"
    remembers = None


@pytest.fixture
async def slow(forge):
    agent = forge.offers.agents["slow"] = Slow()
    forge.agents.here = True
    await forge.workers.hello(f"local-{forge.id}", name="here", agents=["shell", "slow"])
    yield agent
    await forge.agents.close()


async def until(api, check, name="slow"):
    async with asyncio.timeout(20):
        while not check(found := (await api("GET", f"/agents/{name}")).json):
            await asyncio.sleep(0.01)
    return found


async def alone(forge):
    """Its server has no worker of its own."""
    forge.agents.here = False
    await forge.workers.leave(f"local-{forge.id}")


class Hanging(Slow):
    """Its check goes on until it is let."""

    def __init__(self):
        super().__init__()
        self.checks = 0

    async def check(self):
        self.checks += 1
        await self.go.wait()
        return await super().check()


class Broken(Slow):
    """Its plugin does nothing right."""

    async def check(self):
        return None

    def installed_in(self):
        raise OSError("gone")


class Gone(Slow):
    """What takes its folder away comes in between."""

    name = "gone"

    def __init__(self):
        super().__init__()
        self.ok = True

    def installed_in(self):
        raise FileNotFoundError("gone")


async def test_agents_are_listed_with_what_they_can_do_and_by_whom(api, slow):
    shell, found = (await api("GET", "/agents")).json["items"]
    assert {name: can["by"] for name, can in found["abilities"].items()} == CAN
    assert {name: can["by"] for name, can in shell["abilities"].items()} == {**CAN, "follow_up": "agent"}
    assert found["abilities"]["steer"]["how"] == "Told when its present turn ends."
    known = {name: found[name] for name in ("name", "ready", "detail", "fix", "here", "installation")}
    assert known == {
        "name": "slow", "ready": False, "detail": "slow is missing.", "fix": "Wait.", "here": True,
        "installation": None,
    }  # fmt: skip
    assert shell["ready"] is True


async def test_an_agent_is_installed_once_however_often_it_is_asked_for(api, slow):
    answers = [await api("POST", "/agents/slow/install") for _ in range(3)]
    assert [answer.status for answer in answers] == [202, 202, 202]
    found = await until(api, lambda a: a["installation"]["lines"])
    assert found["installation"]["state"] == "running"
    assert (found["installation"]["by"], found["installation"]["lines"]) == ("admin", ["Fetching slow"])
    assert slow.begun == 1
    slow.go.set()
    found = await until(api, lambda a: a["installation"]["state"] == "done")
    assert (found["ready"], found["detail"]) == (True, "slow is there.")


async def test_an_installation_is_stopped_and_stopping_twice_changes_nothing(api, slow):
    await api("POST", "/agents/slow/install")
    for _ in range(2):
        answer = await api("POST", "/agents/slow/stop")
        assert (answer.status, answer.json["installation"]["state"]) == (200, "stopped")
    assert (await api("POST", "/agents/shell/stop")).json["installation"] is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (Unavailable("There is no network."), "There is no network."),
        (ZeroDivisionError("by zero"), "Its plugin failed: ZeroDivisionError: by zero"),
    ],
)
async def test_an_installation_that_fails_says_why(api, slow, wrong, said):
    slow.wrong = wrong
    slow.go.set()
    await api("POST", "/agents/slow/install")
    found = await until(api, lambda a: a["installation"]["state"] != "running")
    assert (found["installation"]["state"], found["installation"]["error"]) == ("failed", said)


async def test_only_administrators_install_and_only_what_plugins_offer(site, session, forge, who, api, slow):
    _, member = await forge.accounts.new_token(who, "member", ("read", "write"))
    for verb in ("install", "stop"):
        answer = await api("POST", f"/agents/slow/{verb}", headers={"Authorization": f"Bearer {member}"})
        assert answer.status == 403
        assert (await api("POST", f"/agents/..%2Fslow/{verb}")).status == 404
    assert slow.begun == 0
    assert (await api("GET", "/agents/slow", headers={"Authorization": f"Bearer {member}"})).status == 200


async def test_a_server_that_runs_no_agents_installs_none(api, forge, slow):
    await alone(forge)
    answer = await api("POST", "/agents/slow/install")
    assert answer.status == 409
    assert answer.json["detail"] == ("This server runs no agents: run `codeforge agents install slow` on the workers.")
    [_, found] = (await api("GET", "/agents")).json["items"]
    assert (found["ready"], found["detail"], found["here"]) == (None, "", False)


async def test_workers_say_what_they_have_and_older_ones_are_not_known_to_lack_it(api, forge, who, slow):
    await alone(forge)
    facts = {"host": "lab", "version": "0.1.0", "agents": ["slow"], "slots": 1}
    for name in ("newer", "older"):
        worker, _ = await forge.workers.add(who, name)
        await forge.workers.hello(worker.id, **facts)
        if name == "newer":
            said = {"ready": False, "version": "", "size_mb": None, "abilities": {"fly": "agent"}}
            await forge.workers.describe(worker.id, {"slow": said})
            assert (await api("GET", "/agents/slow")).json["ready"] is False
    found = (await api("GET", "/agents/slow")).json
    assert [(at["name"], at["ready"]) for at in found["workers"]] == [("newer", False), ("older", None)]
    assert found["ready"] is None


async def test_an_agent_of_one_turn_is_told_nothing_more(api, forge, who, project):
    forge.offers.agents["one_turn"] = OneTurn()
    _, run = await forge.tasks.submit(who, project.id, "paint it", agent="one_turn")
    assert "message" not in (await api("GET", f"/runs/{run.id}")).json["verbs"]
    answer = await api("POST", f"/runs/{run.id}/messages", {"text": "blue"})
    told = "The agent one_turn takes one turn: nothing more can be said to it."
    assert (answer.status, answer.json["detail"]) == (409, told)
    await api("POST", f"/runs/{run.id}/stop")
    verbs = (await api("GET", f"/runs/{run.id}")).json["verbs"]
    assert {"message", "send_back"}.isdisjoint(verbs)
    assert "retry" in verbs
    answer = await api("POST", f"/runs/{run.id}/messages", {"text": "blue"})
    assert (answer.status, "cannot go on from it" in answer.json["detail"]) == (409, True)


async def test_all_who_ask_wait_for_one_check_and_none_for_one_that_hangs(forge, who, slow, monkeypatch):
    monkeypatch.setattr(codeforge.abilities, "PATIENCE", 0.05)
    hanging = forge.offers.agents["slow"] = Hanging()
    facts = await asyncio.gather(*(forge.agents.get(who, "slow") for _ in range(5)))
    assert {fact.health.detail for fact in facts} == {"Its check failed: it took longer than 0.05 s"}
    assert (await forge.agents.missing(who))["slow"] == facts[0].health
    assert hanging.checks == 1


async def test_who_asks_and_leaves_ends_the_check_for_nobody_else(forge, who, slow):
    hanging = forge.offers.agents["slow"] = Hanging()
    leaves, stays = (asyncio.create_task(forge.agents.get(who, "slow")) for _ in range(2))
    await until_begun(hanging)
    leaves.cancel()
    await asyncio.wait([leaves])
    hanging.go.set()
    assert ((await stays).health.detail, hanging.checks) == ("slow is missing.", 1)


async def until_begun(agent):
    async with asyncio.timeout(5):
        while not agent.checks:
            await asyncio.sleep(0.01)


async def test_a_server_that_runs_no_agents_checks_none(forge, who, slow):
    await alone(forge)
    hanging = forge.offers.agents["slow"] = Hanging()
    await forge.agents.all(who)
    await forge.agents.missing(who)
    assert hanging.checks == 0


async def test_a_folder_of_agents_without_a_worker_makes_nothing_ready(forge, who, slow):
    await forge.workers.leave(f"local-{forge.id}")
    assert (await forge.agents.get(who, "shell")).health.ok
    assert (await forge.agents.get(who, "shell")).ready is None


async def test_a_broken_agent_breaks_no_other_one_s_facts(api, forge, slow):
    forge.offers.agents |= {"slow": Broken(), "gone": Gone()}
    found = {agent["name"]: agent for agent in (await api("GET", "/agents")).json["items"]}
    assert found["slow"]["detail"] == "Its check failed: it gave None"
    assert found["shell"]["ready"] is True
    assert (await described(forge.offers.agents.values()))["slow"]["ready"] is False


async def test_a_worker_tells_a_server_that_understands_it_only_later(monkeypatch, slow):
    monkeypatch.setattr(codeforge.boot.working, "LOOK", 0.01)
    told, heard = [], asyncio.Event()

    async def say(found):
        told.append(found)
        if len(told) == 1:
            raise NotFound("There is no such address.")
        heard.set()

    async with background(codeforge.boot.working.describe([slow], say)), asyncio.timeout(5):
        await heard.wait()
    assert told[0] == told[1]
