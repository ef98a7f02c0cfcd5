"""What happens at once: words, stops, shutdowns and faults in the very moment in which a run ends or begins."""

import asyncio
import time
from pathlib import Path

import pytest

from codeforge import RunState, Unavailable
from codeforge.testing import StandIns, git, running
from codeforge.worker import OwnMirrors, Worker

EXTRA = {"stand_ins": StandIns()}
pytestmark = pytest.mark.every_form(within=True)


@pytest.fixture
async def forge(settings):
    async with running(settings, extra=EXTRA) as (forge, api):
        forge.api = api
        yield forge


async def start(forge, repository, script):
    project = await forge.api.post("/projects", {"url": str(repository), "model": "none"})
    return await forge.api.start(project, script)


async def ended(forge, run):
    """The run with all that the forge knows of it, once it has ended."""
    await forge.api.until(run)
    return await forge.runs.get(await forge.accounts.admin(), run["id"])


def before_report(forge, monkeypatch, wanted, act):
    """Have ``act`` done when a worker is about to report the state ``wanted`` for the first time."""
    real, done = forge.coordinator.report, []

    async def report(run_id, generation, events=(), *, state=None, **facts):
        if state == wanted and not done:
            done.append(state)
            await act(run_id)
        await real(run_id, generation, events, state=state, **facts)

    monkeypatch.setattr(forge.coordinator, "report", report)


async def test_words_that_come_while_the_work_is_being_kept_are_the_next_turn_on_it(forge, repository, monkeypatch):
    who = await forge.accounts.admin()
    before_report(
        forge, monkeypatch, RunState.CHECKING, lambda run_id: forge.runs.message(who, run_id, "echo two >> b.txt")
    )
    run = await ended(forge, await start(forge, repository, "echo one >> b.txt"))
    assert (run.state, run.generation, run.change.added) == ("review", 1, 2)


async def test_a_stop_in_the_moment_of_a_shutdown_is_no_restart(settings, repository, monkeypatch):
    async with running(settings, extra=EXTRA) as (forge, api):
        forge.api, who = api, await forge.accounts.admin()
        run = await start(forge, repository, "echo one > b.txt; echo up; sleep 100")
        await api.says(run, "up")
        before_report(forge, monkeypatch, RunState.QUEUED, lambda run_id: forge.runs.stop(who, run_id))
    async with running(settings, extra=EXTRA) as (_, api):
        assert (await api.get(f"/runs/{run['id']}"))["state"] == "stopped"


async def test_a_shutdown_in_the_moment_of_the_end_does_the_work_no_second_time(settings, repository, monkeypatch):
    async with running(settings, extra=EXTRA) as (forge, api):
        forge.api, ending = api, asyncio.Event()

        async def wait(run_id):
            ending.set()
            await asyncio.sleep(0.2)

        before_report(forge, monkeypatch, RunState.REVIEW, wait)
        run = await start(forge, repository, "echo one > b.txt")
        await ending.wait()
    async with running(settings, extra=EXTRA, working=False) as (forge, _):
        run = await forge.runs.get(await forge.accounts.admin(), run["id"])
        assert (run.state, run.losses) == ("review", 0)


async def test_a_doorbell_that_is_given_up_leaves_no_run_claimed_by_nobody(forge, settings, repository, monkeypatch):
    await forge.offers.queue.close()
    real, claimed, gate = forge.models.find, asyncio.Event(), asyncio.Event()

    async def find(who, *asked):
        if not who.user:  # the coordinator's own question, after the claim
            claimed.set()
            await gate.wait()
        return await real(who, *asked)

    run = await start(forge, repository, "echo one > b.txt")
    monkeypatch.setattr(forge.models, "find", find)
    async with Worker(forge.coordinator, OwnMirrors(), forge.offers, settings, id="w") as worker:
        answer = asyncio.create_task(worker.answer(run["id"]))
        await claimed.wait()
        answer.cancel()
        await asyncio.wait([answer])
        gate.set()
        run = await ended(forge, run)
        assert (run.state, run.generation) == ("review", 1)


async def test_a_database_that_takes_nothing_for_a_moment_costs_no_line_and_no_run(forge, repository, monkeypatch):
    real, until = forge.coordinator.report, []

    async def report(run_id, generation, events=(), **facts):
        if events and "say" in repr(events):
            until.append(time.monotonic() + 1)
        if until and time.monotonic() < until[0]:
            raise Unavailable("The database did not take this: database or disk is full.")
        await real(run_id, generation, events, **facts)

    monkeypatch.setattr(forge.coordinator, "report", report)
    run = await ended(forge, await start(forge, repository, "echo one > b.txt; for n in 1 2 3; do echo say $n; done"))
    assert (run.state, run.generation) == ("review", 1)
    lines = [e["data"].get("text") for e in (await forge.api.get(f"/runs/{run.id}/events"))["items"]]
    assert [line for line in lines if str(line).startswith("say")] == ["say 1", "say 2", "say 3"]


async def test_servers_that_do_not_answer_when_a_turn_ends_fail_no_run(forge, repository, tmp_path, monkeypatch):
    real, end = forge.coordinator.renew, []

    async def renew(*args, **options):
        if (tmp_path / "ending").exists():
            end[:] = end or [time.monotonic() + 1]
            if time.monotonic() < end[0]:
                raise Unavailable("No server answers.")
        return await real(*args, **options)

    monkeypatch.setattr(forge.coordinator, "renew", renew)
    run = await ended(forge, await start(forge, repository, f"echo one > b.txt; touch {tmp_path}/ending"))
    assert (run.state, run.generation) == ("review", 1)


async def test_a_machine_that_slept_takes_no_run_from_a_worker_that_slept_too(settings, repository, tmp_path):
    gate = tmp_path / "gate"
    settings = settings.model_copy(update={"lease": 1.0})
    async with running(settings, extra=EXTRA) as (forge, api):
        forge.api = api
        run = await start(forge, repository, f"echo b > b.txt; echo up; until [ -e {gate} ]; do sleep 0.05; done")
        await api.says(run, "up")
        time.sleep(2.5)  # the event loop, and with it every renewal
        gate.touch()
        run = await ended(forge, run)
        assert (run.state, run.losses) == ("review", 0)


async def test_a_clean_up_that_is_cut_off_does_not_spoil_what_was_kept(settings, repository, monkeypatch):
    async with running(settings, extra=EXTRA) as (forge, api):
        forge.api, real, cut = api, forge.offers.scms["git"].prepare, asyncio.Event()

        async def prepare(*args, **options):
            workspace = await real(*args, **options)

            async def remove():
                (workspace.path / "b.txt").unlink()
                cut.set()
                raise Unavailable("The power failed.")

            monkeypatch.setattr(workspace, "remove", remove)
            return workspace

        monkeypatch.setattr(forge.offers.scms["git"], "prepare", prepare)
        run = await api.until(await start(forge, repository, "echo one > b.txt"))
        await cut.wait()
    async with running(settings, extra=EXTRA):
        mirror = settings.data_dir / "mirrors" / f"{run['project_id']}.git"
        assert git(mirror, "show", f"refs/codeforge/runs/{run['id']}/1:b.txt") == "one"
        assert list((settings.data_dir / "runs").iterdir()) == []


async def test_what_a_check_leaves_behind_is_not_in_the_change(forge, repository):
    project = await forge.api.post("/projects", {"url": str(repository), "model": "none"})
    run = await forge.api.until(await forge.api.start(project, "echo b > b.txt", check="echo junk > junk.txt; exit 1"))
    assert (run["reason"], run["change"]["files"]) == ("check_failed", 1)


async def test_output_without_end_is_cut_but_for_its_end(forge, repository, monkeypatch):
    monkeypatch.setattr("codeforge.worker.reporter.ROOM", 100_000)
    run = await ended(forge, await start(forge, repository, "echo one > b.txt; seq 1 50000"))
    assert run.state == "review"
    events = await forge.history.read(run.tenant_id, run.id, limit=10_000)
    said = [event.data["text"] for event in events if event.kind == "said"]
    assert (len(said) < 2000, said[0], said[-200:]) == (True, "1", [str(n) for n in range(49_801, 50_001)])
    assert sum("too much output" in str(event.data.get("text")) for event in events) == 1


async def test_work_that_is_found_after_a_crash_is_the_runs_change(settings, repository, monkeypatch):
    async with running(settings, extra=EXTRA) as (forge, api):
        forge.api, real = api, forge.offers.scms["git"].prepare

        async def prepare(*args, **options):
            workspace = await real(*args, **options)

            async def escrow(*args):
                raise Unavailable("The disk is full.")

            monkeypatch.setattr(workspace, "escrow", escrow)
            return workspace

        monkeypatch.setattr(forge.offers.scms["git"], "prepare", prepare)
        run = await ended(forge, await start(forge, repository, "echo one > b.txt; exit 1"))
        assert run.change is None
    async with running(settings, extra=EXTRA) as (_, api):
        assert (await api.get(f"/runs/{run.id}"))["change"]["files"] == 1
        await api.says({"id": run.id}, "1 files changed")


async def test_a_claim_whose_answer_came_late_gives_no_longer_lease(settings, repository, tmp_path, monkeypatch):
    settings = settings.model_copy(update={"lease": 3.0})
    async with running(settings, extra=EXTRA, working=False) as (forge, api):
        forge.api, real, claimed = api, forge.coordinator.claim, []
        tick = f"while echo b >> b.txt; do cut -d' ' -f1 /proc/uptime >> {tmp_path}/ticks; sleep 0.05; done"
        await start(forge, repository, tick)

        async def late(worker):
            given = await real(worker)
            if given:
                claimed.append(uptime())
                await asyncio.sleep(2)
            return given

        async def no_answer(*args, **options):
            raise Unavailable("No server answers.")

        monkeypatch.setattr(forge.coordinator, "claim", late)
        monkeypatch.setattr(forge.coordinator, "renew", no_answer)
        monkeypatch.setattr(type(forge.coordinator), "others", True)
        async with Worker(forge.coordinator, OwnMirrors(), forge.offers, settings, id="w") as worker:
            await worker.answer("")
            await worker.idle()
    ticks = tmp_path / "ticks"
    assert not ticks.exists() or float(ticks.read_text().split()[-1]) < claimed[0] + 3.0


def uptime():
    return float(Path("/proc/uptime").read_text().split()[0])
