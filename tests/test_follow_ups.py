"""Runs that go on from others: from the newest work there is, once for each word, and never beside a delivery."""

import asyncio

import pytest

from codeforge.testing import StandIns, running

pytestmark = pytest.mark.every_form(within=True)


@pytest.fixture
def settings(settings):
    """A fault is told at once: what is tried again is another story."""
    return settings.model_copy(update={"max_retries": 0})


async def test_a_follow_up_that_failed_before_it_began_is_no_loss_of_the_work_before(api, project, repository):
    one = await api.until(await api.start(project, "echo one > b.txt; echo thought > $STATE/memory"))
    away = repository.rename(repository.with_name("away"))
    two = await api.post(f"/runs/{one['id']}/review", {"verdict": "send_back", "comment": "echo two >> b.txt"})
    two = await api.until(two)
    assert (two["reason"], two["change"]) == ("scm_unreachable", None)
    away.rename(repository)
    three = await api.post(f"/runs/{two['id']}/messages", {"text": "cat $STATE/memory; echo three >> b.txt"})
    three = await api.until(three)
    assert (three["state"], three["change"]["added"]) == ("review", 2)
    await api.says(three, "thought")


async def test_an_answer_to_a_run_that_changed_nothing_reaches_an_agent_that_remembers(api, project):
    one = await api.until(await api.start(project, "echo which file? | tee $STATE/memory"))
    assert one["reason"] == "nothing_changed"
    two = await api.until(await api.post(f"/runs/{one['id']}/messages", {"text": "cat $STATE/memory; echo b > b.txt"}))
    assert (two["state"], two["prompt"]) == ("review", "cat $STATE/memory; echo b > b.txt")
    await api.says(two, "which file?")


async def test_a_follow_up_that_adds_nothing_leaves_the_earlier_change_to_accept(api, project, repository):
    one = await api.until(await api.start(project, "echo one > b.txt"))
    two = await api.until(await api.post(f"/runs/{one['id']}/review", {"verdict": "send_back", "comment": "true"}))
    assert (two["reason"], two["change"]["files"], "accept" in two["verbs"]) == ("nothing_changed", 1, True)
    await api.post(f"/runs/{two['id']}/review", {"verdict": "accept"})
    assert (repository / "b.txt").read_text() == "one\n"


async def test_an_answer_to_a_run_that_left_nothing_comes_with_the_words_before(api, project):
    one = await api.until(await api.start(project, "exit 1"))
    two = await api.until(await api.post(f"/runs/{one['id']}/messages", {"text": "try harder"}))
    assert two["prompt"] == "exit 1\n\ntry harder"


async def test_sending_back_twice_at_once_starts_one_run(api, project):
    run = await api.until(await api.start(project, "echo one > b.txt"))
    verdict = {"verdict": "send_back", "comment": "echo two >> b.txt"}
    answers = await asyncio.gather(
        *(api.post(f"/runs/{run['id']}/review", verdict) for _ in range(3)), return_exceptions=True
    )
    assert sum(isinstance(answer, dict) for answer in answers) == 1
    assert "sent back already" in repr(answers)


async def test_words_to_a_change_that_is_being_delivered_have_to_wait(settings, repository, tmp_path):
    gate, pushed = tmp_path / "gate", tmp_path / "pushed"
    hook = repository / ".git" / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {pushed}\nuntil [ -e {gate} ]; do sleep 0.05; done\n")
    hook.chmod(0o755)
    async with running(settings, extra={"stand_ins": StandIns()}) as (_, api):
        project = await api.post("/projects", {"url": str(repository), "model": "none"})
        run = await api.until(await api.start(project, "echo b > b.txt"))
        accepting = asyncio.create_task(api.post(f"/runs/{run['id']}/review", {"verdict": "accept"}))
        async with asyncio.timeout(20):
            while not pushed.exists():
                await asyncio.sleep(0.02)
        problem = await api.post(f"/runs/{run['id']}/messages", {"text": "echo more"}, status=409)
        assert problem["detail"] == "The change is being delivered right now: wait until it is."
        gate.touch()
        assert (await accepting)["state"] == "accepted"
