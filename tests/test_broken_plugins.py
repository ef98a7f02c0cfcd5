"""A plugin's fault is that plugin's alone: told with its reason, while everything else goes on."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from codeforge import AgentBackend, Conflict, Kind, Llm, Refusal, hookimpl
from codeforge.events import AgentEvent, ended, log, said
from codeforge.testing import StandIns, running


class Plugin:
    """A plugin object of the given hooks."""

    def __init__(self, **hooks):
        vars(self).update({name: hookimpl(function) for name, function in hooks.items()})


class Odd(AgentBackend):
    """Does what a test wants of it."""

    name = "odd"

    def __init__(self, work):
        self._work = work

    async def run(self, job):
        async for event in self._work(job):
            yield event


async def turn(settings, repository, work):
    """The run of an agent that does ``work``, and its events."""
    plugin = Plugin(register_agents=lambda: [Odd(work)])
    async with running(settings, extra={"stand_ins": StandIns(), "odd": plugin}) as (_, api):
        project = await api.post("/projects", {"url": str(repository), "agent": "odd", "model": "none"})
        run = await api.until(await api.start(project, "do it"))
        return run, (await api.get(f"/runs/{run['id']}/events?limit=1000"))["items"]


async def test_whatever_error_an_agent_raises_ends_its_run_once(settings, repository):
    turns = []

    async def work(job):
        turns.append(job)
        yield said("now")
        raise Conflict("It is not my day.")

    run, _ = await turn(settings, repository, work)
    assert (run["state"], run["detail"], len(turns)) == ("failed", "It is not my day.", 1)


async def test_words_that_no_database_takes_lose_no_line(settings, repository):
    async def work(job):
        (job.workspace / "b.txt").write_text("b")
        yield said("before")
        yield said("half a \ud83d character")
        yield AgentEvent(Kind.LOG, {"text": job.workspace, "stream": {"of": ["words"]}})
        yield ended()

    run, events = await turn(settings, repository, work)
    assert run["state"] == "review"
    assert [e["data"]["text"] for e in events if e["kind"] == "said"] == ["before", "half a ? character"]
    assert [e["data"]["stream"] for e in events if e["kind"] == "log"] == [{"of": ["words"]}]


async def test_an_event_of_an_unknown_kind_fails_the_run_and_spoils_no_history(settings, repository):
    async def work(job):
        yield log("before")
        yield AgentEvent("danced", {})

    run, events = await turn(settings, repository, work)
    assert (run["state"], run["detail"]) == ("failed", "The agent's plugin failed: 'danced' is not a valid Kind")
    assert "before" in [e["data"].get("text") for e in events]


async def test_models_that_cannot_be_listed_hide_no_others(settings, repository):
    class Broken(Llm):
        name = "broken"

        async def models(self, tenant_id):
            raise KeyError("models")

    plugin = Plugin(register_llms=lambda forge: [Broken()])
    async with running(settings, extra={"broken": plugin, "stand_ins": StandIns()}) as (_, api):
        project = await api.post("/projects", {"url": str(repository), "model": "none"})
        assert (await api.until(await api.start(project, "echo b > b.txt")))["state"] == "review"


async def test_a_lifespan_that_cannot_begin_breaks_its_plugin_and_not_the_server(settings):
    @asynccontextmanager
    async def never():
        raise RuntimeError("no licence")
        yield

    plugin = Plugin(lifespan=lambda forge: never())
    async with running(settings, extra={"stand_ins": StandIns(), "mortal": plugin}) as (_, api):
        [told] = [p for p in (await api.get("/plugins"))["items"] if p["name"] == "mortal"]
        assert told["broken"] == "its lifespan failed: RuntimeError: no licence"


async def test_a_failing_health_check_does_not_switch_off_the_guard_of_the_same_plugin(settings, repository):
    def ill(forge):
        raise RuntimeError("not now")

    async def refuse(run):
        raise Refusal("never on a Friday")

    plugin = Plugin(register_health_checks=ill, before_run=refuse)
    async with running(settings, extra={"stand_ins": StandIns(), "guard": plugin}) as (forge, api):
        [health] = [h for h in forge.offers.health() if h.name == "guard"]
        assert (health.ok, health.detail) == (False, "its health check failed: RuntimeError: not now")
        project = await api.post("/projects", {"url": str(repository), "model": "none"})
        assert (await api.until(await api.start(project, "echo b > b.txt")))["reason"] == "refused"


@pytest.mark.parametrize("part", ["coordinator.reap", "history.read"])
async def test_a_fault_in_the_background_is_survived(settings, repository, part, monkeypatch):
    heard = []

    async def on_event(event):
        heard.append(event.kind)

    plugin = Plugin(on_event=on_event)
    async with running(settings, extra={"stand_ins": StandIns(), "ear": plugin}) as (forge, api):
        owner, name = getattr(forge, part.partition(".")[0]), part.partition(".")[2]
        real, failed = getattr(owner, name), asyncio.Event()

        async def fails_once(*args, **options):
            monkeypatch.setattr(owner, name, real)
            failed.set()
            raise KeyError("boom")

        project = await api.post("/projects", {"url": str(repository), "model": "none"})
        monkeypatch.setattr(owner, name, fails_once)
        run = await api.start(project, "echo b > b.txt")
        await asyncio.wait_for(failed.wait(), 10)
        await api.until(run)
        async with asyncio.timeout(10):
            while "change" not in heard:
                await asyncio.sleep(0.02)


async def test_keys_from_the_environment_are_redacted_in_a_runs_history(settings, repository, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-0123456789")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9")
    async with running(settings, extra={"stand_ins": StandIns()}) as (_, api):
        project = await api.post("/projects", {"url": str(repository), "model": "none"})
        run = await api.until(await api.start(project, "echo found sk-canary-0123456789"))
        said_ = repr(await api.get(f"/runs/{run['id']}/events?limit=1000"))
        assert "found •••" in said_
        assert "canary" not in said_.replace("echo found sk-canary", "")
