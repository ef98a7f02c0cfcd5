"""Paused and resumed: the slot is free, nothing of the run is alive or paid for, and it goes on from its own work."""

import asyncio
import time
from datetime import datetime
from pathlib import Path

import pytest

from codeforge import Unauthorized, Unavailable
from codeforge.testing import StandIns, running
from codeforge.testing.house import Api
from codeforge.worker.folder import MARK

EXTRA = {"stand_ins": StandIns()}
pytestmark = pytest.mark.every_form(within=True)
WAIT = "echo up; while :; do sleep 0.05; done"
TWICE = f"""if [ -e b.txt ]; then echo recalled $(cat $STATE/memory); echo two >> b.txt; exit; fi
echo one > b.txt; echo thought > $STATE/memory; {WAIT}"""
"""Says "up" and waits, the first time; then it adds to what it finds."""


@pytest.fixture
async def forge(settings):
    async with running(settings.model_copy(update={"slots": 1}), extra=EXTRA) as (forge, api):
        forge.api = api
        yield forge


async def at_work(forge: Api, repository, script=TWICE, **options):
    project = await forge.api.post("/projects", {"url": str(repository), "model": "none", **options})
    run = await forge.api.start(project, script)
    await forge.api.says(run, "up")
    return run


async def paused(api, run):
    await api.post(f"/runs/{run['id']}/pause")
    return await api.until(run, "paused")


def processes(run):
    """Ids of the processes that carry the run's mark."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"{MARK}=" in (env := (entry / "environ").read_text()) and run["id"] in env:
                found.append(entry.name)
        except OSError:
            continue
    return found


async def test_a_paused_run_goes_on_from_its_own_work_with_what_its_agent_remembers(forge, repository):
    api, run = forge.api, await at_work(forge, repository)
    assert (await api.post(f"/runs/{run['id']}/pause"))["pausing"]
    held = await api.until(run, "paused")
    assert (held["pausing"], held["change"]["added"], held["ended_at"]) == (False, 1, None)
    assert "b.txt" in (await api.get(f"/runs/{run['id']}/diff"))["diff"]
    assert (await api.post(f"/runs/{run['id']}/resume"))["state"] in ("queued", "preparing")
    done = await api.until(run)
    assert (done["state"], done["change"]["added"], done["base"]) == ("review", 2, held["base"])
    await api.says(run, "recalled thought")


async def test_a_pause_frees_the_slot_ends_the_key_and_leaves_no_process(forge, repository):
    api, run = forge.api, await at_work(forge, repository, "echo key $KEY > key; sleep 300 & " + WAIT)
    key = (await _file_of(forge, run, "key")).split()[1]
    assert processes(run) != []
    other = await api.start({"id": run["project_id"]}, "echo other > c.txt")
    asked = time.monotonic()
    await paused(api, run)
    assert time.monotonic() - asked < 4  # the shell ends at once; a busy machine may be slow to start git
    assert processes(run) == []
    with pytest.raises(Unauthorized):
        await forge.keys.open(key)
    assert (await api.until(other))["state"] == "review"
    row = await forge.runs.get(await forge.accounts.admin(), run["id"])
    assert (row.state, row.worker, row.lease_until, row.want) == ("paused", None, None, None)


async def _file_of(forge, run, name):
    file = forge.settings.data_dir / "runs" / f"{run['id']}-1" / "workspace" / name
    async with asyncio.timeout(20):
        while not (file.exists() and file.read_text().endswith("\n")):
            await asyncio.sleep(0.02)
    return file.read_text()


async def test_a_pause_reaches_the_agent_within_a_second(forge, repository, tmp_path):
    trap = tmp_path / "ended"
    run = await at_work(forge, repository, f"trap 'date +%s.%N > {trap}; exit' TERM; {WAIT}")
    asked = time.time()
    await paused(forge.api, run)
    assert float(trap.read_text()) - asked < 1


async def test_what_is_said_to_a_paused_or_queued_run_is_heard_at_its_next_turn(forge, repository):
    api, run = forge.api, await at_work(forge, repository)
    queued = await api.start({"id": run["project_id"]}, "echo first > c.txt")
    await api.post(f"/runs/{queued['id']}/messages", {"text": "echo second >> c.txt"})
    await paused(api, run)
    assert "message" in (await api.get(f"/runs/{run['id']}"))["verbs"]
    await api.post(f"/runs/{run['id']}/messages", {"text": "echo said > d.txt"})
    await api.post(f"/runs/{run['id']}/resume")
    script = (await api.get(f"/runs/{run['id']}"))["prompt"]
    assert script == TWICE
    for one, files in ((queued, "c.txt"), (run, "b.txt")):
        assert (await api.until(one))["state"] == "review"
        assert files in (await api.get(f"/runs/{one['id']}/diff"))["diff"]
    assert (await api.get(f"/runs/{queued['id']}"))["change"]["added"] == 2


async def test_words_to_a_paused_run_are_told_with_its_own_when_it_goes_on(forge, repository):
    api, run = forge.api, await at_work(forge, repository, "[ -e b.txt ] || { echo b > b.txt; " + WAIT + "; }")
    await paused(api, run)
    await api.post(f"/runs/{run['id']}/messages", {"text": "echo said > d.txt"})
    await api.post(f"/runs/{run['id']}/resume")
    done = await api.until(run)
    assert (done["state"], done["change"]["files"]) == ("review", 2)
    events = (await api.get(f"/runs/{run['id']}/events"))["items"]
    assert [event["kind"] for event in events].count("ran") == 1, "it was told in two turns"


async def test_work_that_was_complete_when_paused_is_a_change_though_the_agent_adds_nothing(forge, repository):
    api, run = forge.api, await at_work(forge, repository, "[ -e b.txt ] || { echo b > b.txt; " + WAIT + "; }")
    await paused(api, run)
    await api.post(f"/runs/{run['id']}/resume")
    assert (await api.until(run))["state"] == "review"


async def test_a_follow_up_that_adds_nothing_fails_as_such_also_when_it_was_paused(forge, repository):
    api, one = forge.api, await at_work(forge, repository, "echo up; echo b > b.txt")
    one = await api.until(one)
    again = f"[ -e {forge.settings.data_dir}/go ] || {{ {WAIT.replace('up', 'busy')}; }}"
    two = await api.post(f"/runs/{one['id']}/messages", {"text": again})
    await api.says(two, "busy")
    assert (await paused(api, two))["change"]["added"] == 1
    (forge.settings.data_dir / "go").touch()
    await api.post(f"/runs/{two['id']}/resume")
    assert (await api.until(two))["reason"] == "nothing_changed"


async def test_a_run_is_paused_while_it_is_prepared_and_loses_nothing(forge, repository, monkeypatch):
    api, real, gate, there = forge.api, forge.offers.scms["git"].prepare, asyncio.Event(), asyncio.Event()
    run = await at_work(forge, repository)
    first = await paused(api, run)

    async def prepare(*args, **options):
        there.set()
        await gate.wait()
        return await real(*args, **options)

    monkeypatch.setattr(forge.offers.scms["git"], "prepare", prepare)
    await api.post(f"/runs/{run['id']}/resume")
    await there.wait()
    second = await paused(api, run)
    assert second["change"] == first["change"]
    gate.set()
    await api.post(f"/runs/{run['id']}/resume")
    done = await api.until(run)
    assert (done["state"], done["change"]["added"]) == ("review", 2)
    await api.says(run, "recalled thought")


async def test_a_resumed_run_that_cannot_be_prepared_keeps_its_work(forge, repository, monkeypatch):
    run = await at_work(forge, repository)
    await paused(forge.api, run)

    async def prepare(*args, **options):
        raise Unavailable("The disk is full.")

    monkeypatch.setattr(forge.offers.scms["git"], "prepare", prepare)
    await forge.api.post(f"/runs/{run['id']}/resume")
    failed = await forge.api.until(run)
    assert (failed["state"], failed["change"]["added"]) == ("failed", 1)


async def test_a_pause_that_is_taken_back_too_late_leaves_the_run_in_the_queue(forge, repository, monkeypatch):
    api, run, real = forge.api, await at_work(forge, repository), forge.coordinator.report

    async def report(run_id, generation, events=(), *, state=None, **facts):
        if state == "paused":
            await forge.runs.resume(await forge.accounts.admin(), run_id)
        await real(run_id, generation, events, state=state, **facts)

    monkeypatch.setattr(forge.coordinator, "report", report)
    await api.post(f"/runs/{run['id']}/pause")
    done = await api.until(run)
    assert (done["state"], done["change"]["added"]) == ("review", 2)


async def test_a_stop_wins_over_a_pause_that_is_under_way(forge, repository, monkeypatch):
    run, real = await at_work(forge, repository), forge.coordinator.report

    async def report(run_id, generation, events=(), *, state=None, **facts):
        if state == "paused":
            await forge.runs.stop(await forge.accounts.admin(), run_id)
        await real(run_id, generation, events, state=state, **facts)

    monkeypatch.setattr(forge.coordinator, "report", report)
    await forge.api.post(f"/runs/{run['id']}/pause")
    done = await forge.api.until(run)
    assert (done["state"], done["change"]["added"]) == ("stopped", 1)


async def test_a_pause_that_comes_when_the_agent_is_done_is_dropped_and_said_so(forge, repository, monkeypatch):
    real, who = forge.coordinator.report, await forge.accounts.admin()

    async def report(run_id, generation, events=(), *, state=None, **facts):
        if state == "checking":
            await forge.runs.pause(who, run_id)
            await asyncio.sleep(0.3)  # the wish is known to the worker before its word arrives
        await real(run_id, generation, events, state=state, **facts)

    monkeypatch.setattr(forge.coordinator, "report", report)
    run = await forge.api.until(await at_work(forge, repository, "echo b > b.txt; echo up", check="true"))
    assert (run["state"], run["check"]["exit"]) == ("review", 0)
    await forge.api.says(run, "done before it could be paused")


@pytest.mark.slow
async def test_time_that_a_run_is_paused_does_not_count_and_time_before_it_does(forge, repository):
    limits = {"steps": 5, "seconds": 4}
    run = await at_work(forge, repository, f"echo b >> b.txt; {WAIT}", limits=limits)
    await asyncio.sleep(2.5)
    await paused(forge.api, run)
    await asyncio.sleep(1.5)
    await forge.api.post(f"/runs/{run['id']}/resume")
    assert (await forge.api.until(run))["reason"] == "time_limit"
    events = (await forge.api.get(f"/runs/{run['id']}/events"))["items"]
    at = [
        (event["data"]["state"], datetime.fromisoformat(event["time"])) for event in events if event["kind"] == "state"
    ]
    (_, resumed), (_, ended) = [found for found in at if found[0] in ("working", "failed")][1:]
    assert 0 < (ended - resumed).total_seconds() < 4


async def test_a_worker_that_shuts_down_hands_the_work_back_with_the_run(settings, repository):
    async with running(settings, extra=EXTRA) as (forge, api):
        forge.api = api
        run = await at_work(forge, repository)
    async with running(settings, extra=EXTRA) as (_, api):
        done = await api.until(run)
        assert (done["state"], done["change"]["added"]) == ("review", 2)
        await api.says(run, "recalled thought")


async def test_a_run_whose_worker_dies_while_it_is_paused_is_paused_and_goes_on_from_what_is_found(
    settings, repository, monkeypatch
):
    async with running(settings, extra=EXTRA) as (forge, api):
        forge.api = api
        run = await at_work(forge, repository)

        async def report(*args, state=None, **facts):
            raise Unavailable("The power failed.")

        monkeypatch.setattr(forge.coordinator, "report", report)
        monkeypatch.setattr("codeforge.worker.attempt.Attempt.clear", _nothing)
        await api.post(f"/runs/{run['id']}/pause")
    async with running(settings, extra=EXTRA) as (_, api):
        held = await api.until(run, "paused")
        assert "worker died while it was being paused" in held["detail"]
        await api.says(run, "1 files changed")
        await api.post(f"/runs/{run['id']}/resume")
        done = await api.until(run)
        assert (done["state"], done["change"]["added"]) == ("review", 2)


async def test_a_run_whose_work_cannot_be_kept_when_it_is_paused_goes_on_from_it_once_it_is(
    settings, repository, monkeypatch
):
    async with running(settings, extra=EXTRA) as (forge, api):
        forge.api, real = api, forge.offers.scms["git"].prepare

        async def prepare(*args, **options):
            workspace = await real(*args, **options)

            async def escrow(*args):
                raise Unavailable("The disk is full.")

            monkeypatch.setattr(workspace, "escrow", escrow)
            return workspace

        monkeypatch.setattr(forge.offers.scms["git"], "prepare", prepare)
        run = await at_work(forge, repository)
        held = await paused(api, run)
        assert (held["change"], "could not be kept" in held["detail"]) == (None, True)
    async with running(settings, extra=EXTRA) as (_, api):
        await api.says(run, "1 files changed")
        assert (await api.get(f"/runs/{run['id']}"))["change"]["files"] == 1
        await api.post(f"/runs/{run['id']}/resume")
        assert (await api.until(run))["change"]["added"] == 2


async def _nothing(self):
    return None
