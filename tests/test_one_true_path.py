"""From words to a merged commit, through the real server, queue, worker and Git."""

import asyncio
import os
import time

import psutil
import pytest

from codeforge.testing import StandIns, git, running

pytestmark = pytest.mark.every_form


@pytest.mark.every_form(slow=False)
async def test_a_task_becomes_a_reviewed_merged_change(api, project, repository):
    run = await api.start(project, "echo hello; echo b > b.txt", check="test -f b.txt")
    run = await api.until(run)
    assert (run["state"], run["check"]["exit"], run["change"]["files"]) == ("review", 0, 1)
    diff = await api.get(f"/runs/{run['id']}/diff")
    assert [f["path"] for f in diff["files"]] == ["b.txt"]
    assert "+b" in diff["diff"]
    accepted = await api.post(f"/runs/{run['id']}/review", {"verdict": "accept", "strategy": "squash"})
    assert accepted["state"] == "accepted"
    assert (repository / "b.txt").read_text() == "b\n"
    assert git(repository, "rev-parse", "main") == accepted["delivered"]
    assert git(repository, "status", "--porcelain") == ""


async def test_accepting_twice_merges_once(api, project, repository):
    run = await api.until(await api.start(project, "echo b > b.txt"))
    first, second = await asyncio.gather(
        *(api.post(f"/runs/{run['id']}/review", {"verdict": "accept"}) for _ in range(2))
    )
    assert first["delivered"] == second["delivered"]
    assert git(repository, "rev-list", "--count", "main") == "3"  # the first, the agent's, the merge


@pytest.mark.every_form(slow=False)
async def test_a_change_sent_back_goes_on_from_its_work(api, project, repository):
    run = await api.until(await api.start(project, "echo one > b.txt; echo thought > $STATE/memory"))
    again = await api.post(
        f"/runs/{run['id']}/review", {"verdict": "send_back", "comment": "cat $STATE/memory; echo two >> b.txt"}
    )
    assert again["follows"] == run["id"]
    assert (await api.get(f"/runs/{run['id']}"))["state"] == "sent_back"
    again = await api.until(again)
    await api.says(again, "thought")
    await api.post(f"/runs/{again['id']}/review", {"verdict": "accept", "strategy": "squash"})
    assert (repository / "b.txt").read_text() == "one\ntwo\n"


async def test_a_rejected_change_stays_out(api, project, repository):
    run = await api.until(await api.start(project, "echo b > b.txt"))
    assert (await api.post(f"/runs/{run['id']}/review", {"verdict": "reject"}))["state"] == "rejected"
    assert git(repository, "rev-list", "--count", "main") == "1"
    problem = await api.post(f"/runs/{run['id']}/review", {"verdict": "accept"}, status=409)
    assert problem["detail"] == "The run is rejected: there is no change to accept."


@pytest.mark.parametrize(
    ("prompt", "check", "reason"),
    [
        ("exit 3", "", "agent_error"),
        ("true", "", "nothing_changed"),
        ("echo b > b.txt", "exit 1", "check_failed"),
        ("echo b > b.txt", "no-such-command", "check_failed"),
    ],
)
async def test_a_failed_run_says_why_and_what_to_do(api, project, prompt, check, reason):
    run = await api.until(await api.start(project, prompt, check=check))
    assert (run["state"], run["reason"]) == ("failed", reason)
    assert run["detail"]


@pytest.mark.every_form(slow=False)
async def test_words_to_a_working_agent_are_its_next_turn(api, project, tmp_path):
    gate = tmp_path / "gate"
    run = await api.start(project, f"echo one > b.txt; echo ready; until [ -e {gate} ]; do sleep 0.05; done")
    await api.says(run, "ready")
    same = await api.post(f"/runs/{run['id']}/messages", {"text": "echo two >> b.txt"})
    assert same["id"] == run["id"]
    gate.touch()
    run = await api.until(run)
    assert (run["state"], run["change"]["added"]) == ("review", 2)


@pytest.mark.every_form(slow=False)
async def test_a_stop_leaves_no_process_and_loses_no_work(api, project, repository):
    mark = f"3{os.getpid()}7"
    run = await api.start(
        project, f"echo partial > p.txt; setsid sleep {mark} & echo up; trap '' TERM; while :; do sleep 1; done"
    )
    await api.says(run, "up")
    started = time.monotonic()
    await api.post(f"/runs/{run['id']}/stop")
    run = await api.until(run)
    assert (run["state"], run["change"]["files"]) == ("stopped", 1)
    assert time.monotonic() - started < 6
    assert [p for p in psutil.process_iter(["cmdline"]) if mark in (p.info["cmdline"] or ())] == []


async def test_a_time_limit_ends_the_agent(api, project):
    await api.call("PATCH", f"/projects/{project['id']}", {"limits": {"seconds": 1}})
    run = await api.until(await api.start(project, "echo b > b.txt; sleep 100"))
    assert (run["state"], run["reason"], run["change"]["files"]) == ("failed", "time_limit", 1)


async def test_two_runs_at_once_on_one_project_do_not_meet(api, project, repository, tmp_path):
    gate = tmp_path / "gate"
    wait = f"until [ -e {gate} ]; do sleep 0.05; done"
    one = await api.start(project, f"echo 1 > one.txt; echo up; {wait}")
    two = await api.start(project, f"echo 2 > two.txt; echo up; {wait}; test ! -e one.txt")
    await asyncio.gather(api.says(one, "up"), api.says(two, "up"))
    gate.touch()
    one, two = await asyncio.gather(api.until(one), api.until(two))
    assert (one["state"], two["state"]) == ("review", "review")
    for run in (one, two):  # the second meets a base that has moved
        await api.post(f"/runs/{run['id']}/review", {"verdict": "accept", "strategy": "fast-forward"})
    assert (repository / "one.txt").exists()
    assert (repository / "two.txt").exists()


async def test_accepting_over_a_conflict_names_the_files_and_changes_nothing(api, project, repository):
    run = await api.until(await api.start(project, "echo theirs > a.txt"))
    (repository / "a.txt").write_text("mine\n")
    git(repository, "commit", "-qam", "mine")
    tip = git(repository, "rev-parse", "main")
    problem = await api.post(f"/runs/{run['id']}/review", {"verdict": "accept"}, status=409)
    assert problem["files"] == ["a.txt"]
    assert "a.txt" in problem["detail"]
    assert git(repository, "rev-parse", "main") == tip
    assert (await api.get(f"/runs/{run['id']}"))["state"] == "review"


async def test_accepting_into_a_dirty_tree_says_what_to_do_and_works_afterwards(api, project, repository):
    run = await api.until(await api.start(project, "echo theirs > a.txt"))
    (repository / "a.txt").write_text("uncommitted\n")
    problem = await api.post(f"/runs/{run['id']}/review", {"verdict": "accept"}, status=409)
    assert "a.txt" in problem["detail"]
    assert (repository / "a.txt").read_text() == "uncommitted\n"
    git(repository, "checkout", "a.txt")
    await api.post(f"/runs/{run['id']}/review", {"verdict": "accept"})
    assert (repository / "a.txt").read_text() == "theirs\n"


@pytest.mark.every_form(within=True)
async def test_an_orderly_end_hands_the_run_back_and_the_next_start_takes_it_up(settings, repository, tmp_path):
    extra = {"stand_ins": StandIns()}
    gate = tmp_path / "gate"
    async with running(settings, extra=extra) as (_, api):
        project = await api.post("/projects", {"url": str(repository), "agent": "shell", "model": "none"})
        run = await api.start(project, f"echo b > b.txt; echo up; until [ -e {gate} ]; do sleep 0.05; done")
        await api.says(run, "up")
    gate.touch()
    async with running(settings, extra=extra) as (_, api):
        run = await api.until(run)
        assert run["state"] == "review"
        await api.says(run, "The worker was shut down; the run goes on from its work so far.")
