"""Claims from a real database: what the order says is what workers get."""

import asyncio

import pytest

from codeforge.errors import Invalid
from codeforge.model import Hours, RunState
from codeforge.scheduler import unrung
from codeforge.store import tables as t


async def test_two_projects_take_turns_however_many_runs_one_of_them_has(world):
    flood, small = await world.project("flood"), await world.project("small")
    many = [await world.submit(flood) for _ in range(5)]
    few = [await world.submit(small) for _ in range(2)]
    claimed = [await world.claim() for _ in range(7)]
    projects = "".join("F" if run_id in {run.id for run in many} else "s" for run_id in claimed)
    assert projects == "FsFsFFF"
    assert [run_id for run_id in claimed if run_id in {run.id for run in few}] == sorted(run.id for run in few)


async def test_a_project_that_was_not_served_for_longest_is_next_when_runs_end_at_once(world):
    one, two = await world.project("one"), await world.project("two")
    for _ in range(3):
        await world.submit(one)
        await world.submit(two)
    served = []
    for _ in range(6):
        run_id = await world.claim()
        served.append((await world.run(run_id)).project_id)
        await world.report(run_id, RunState.WORKING, RunState.FAILED, reason="agent_error")
    assert served == [one.id, two.id] * 3


async def test_a_clock_that_was_wrong_once_starves_nobody(world):
    one, two = await world.project("one"), await world.project("two")
    for project in (one, two):
        for _ in range(3):
            await world.submit(project)
    await world.change(lambda door: door.update(t.Project, t.Project.id == one.id, served_at=4e9))
    served = []
    for _ in range(4):
        run_id = await world.claim()
        served.append((await world.run(run_id)).project_id)
        await world.report(run_id, RunState.WORKING, RunState.FAILED, reason="agent_error")
    assert served == [two.id, one.id, two.id, one.id]


async def test_limits_hold_however_many_claim_at_once(world):
    narrow, wide = await world.project("narrow", max_runs=2), await world.project("wide")
    for _ in range(6):
        await world.submit(narrow)
        await world.submit(wide)
    await world.forge.limits.edit(world.who, runs=5, agents={"shell": 9})
    claimed = await asyncio.gather(*(world.claim(f"w{n}") for n in range(12)))
    projects = [(await world.run(run_id)).project_id for run_id in claimed if run_id]
    assert (projects.count(narrow.id), projects.count(wide.id)) == (2, 3)
    await world.review(next(run_id for run_id in claimed if run_id))
    assert await world.claim()  # one ended, one more may begin
    assert await world.claim() is None


async def test_limits_of_agents_and_providers_leave_the_others_free(world):
    project = await world.project()
    await world.forge.limits.edit(world.who, agents={"other": 1}, providers={"q": 1})
    others = [(await world.submit(project, agent="other")).id for _ in range(2)]
    elsewhere = [(await world.submit(project, model="n")).id for _ in range(2)]
    plain = await world.submit(project)
    claimed = {await world.claim() for _ in range(5)}
    assert claimed == {others[0], elsewhere[0], plain.id, None}
    assert await world.why() == {
        others[1]: "the agent other is at its limit of 1 run",
        elsewhere[1]: "the provider q is at its limit of 1 run",
    }
    await world.forge.limits.edit(world.who, agents={"other": None})
    assert await world.claim() == others[1]


async def test_a_limit_of_nothing_holds_everything_and_no_limit_lets_go(world):
    project = await world.project(max_runs=0)
    run = await world.submit(project)
    assert await world.claim() is None
    await world.forge.projects.edit(world.who, project.id, max_runs=None)
    assert await world.claim() == run.id


async def test_a_labelled_projects_runs_go_to_workers_with_all_its_labels_only(world):
    run = await world.submit(await world.project(labels=["gpu", "big"]))
    await world.forge.workers.leave("built-in")
    await world.worker("plain")
    await world.worker("gpu", labels=["gpu"])
    assert await world.why() == {run.id: "no worker has the labels big, gpu"}
    await world.worker("both", labels=["gpu", "big", "more"])
    assert await world.why() == {run.id: "waits for a free worker"}
    assert [await world.claim(name) for name in ("plain", "gpu", "built-in", "both")] == [None, None, None, run.id]


async def test_a_worker_takes_runs_of_its_own_tenant_and_agents_and_none_while_it_drains(world):
    run = await world.submit(await world.project())
    await world.forge.workers.leave("built-in")
    await world.worker("strange", tenant_id="another tenant")
    await world.worker("other", agents=["other"])
    await world.worker("draining", draining=True)
    assert [await world.claim(name) for name in ("strange", "other", "draining")] == [None] * 3
    assert await world.why() == {run.id: "every worker that could take it is draining"}
    await world.worker("mine", tenant_id=world.who.tenant_id, agents=["shell"])
    assert await world.claim("mine") == run.id


async def test_workers_that_gave_no_word_or_were_revoked_count_as_gone(world):
    run = await world.submit(await world.project())
    await world.forge.workers.leave("built-in")
    await world.worker("silent", seen_at=1.0)
    await world.worker("revoked", revoked_at=1.0)
    assert await world.why() == {run.id: "no worker is connected"}


async def test_outside_a_projects_hours_nothing_of_it_starts(world):
    closed = Hours(zone="UTC", days=((_today() + 3) % 7,), start="08:00", end="18:00")
    project = await world.project(hours=closed)
    run = await world.submit(project)
    assert await world.claim() is None
    assert (await world.why())[run.id].startswith("outside the project's hours until ")
    await world.forge.projects.edit(world.who, project.id, hours=None)
    assert await world.claim() == run.id


def _today():
    from datetime import UTC, datetime

    return datetime.now(UTC).weekday()


@pytest.mark.parametrize("labels", [["gpu!"], [""], ["a b"], ["-x"], ["x" * 64]])
async def test_labels_that_no_worker_can_have_are_refused(world, labels):
    with pytest.raises(Invalid, match="is no label") as refused:
        await world.project(labels=labels)
    assert refused.value.field == "labels"


async def test_without_a_worker_nothing_is_rung(world):
    run = await world.submit(await world.project())
    await world.forge.workers.leave("built-in")
    assert await world.change(lambda door: unrung(door, 5.0)) == []
    await world.worker("new")
    assert await world.change(lambda door: unrung(door, 5.0)) == [run.id]


async def test_what_cannot_run_is_not_rung_and_the_rest_is_rung_again_only_after_a_while(world):
    full, free = await world.project("full", max_runs=0), await world.project("free")
    await world.submit(full)
    ready = [(await world.submit(free)).id for _ in range(3)]
    waits = await world.submit(free, needs=[(await world.run(ready[0])).task_id])
    assert await world.change(lambda door: unrung(door, 5.0)) == sorted(ready)
    assert await world.change(lambda door: unrung(door, 5.0)) == []
    await world.change(lambda door: door.update(t.Run, t.Run.id == ready[1], rung_at=1.0))
    assert await world.change(lambda door: unrung(door, 5.0)) == [ready[1]]
    assert (await world.run(waits.id)).state == RunState.QUEUED


async def test_a_queued_run_knows_its_models_provider(world):
    project = await world.project()
    run = await world.submit(project, model="n")
    again = await world.forge.runs.start(world.who, run.task_id, model="m")
    assert (run.provider, again.provider) == ("q", "p")


async def test_a_run_that_was_rung_before_the_clock_was_set_back_is_rung_again(world):
    run = await world.submit(await world.project())
    again = world.forge.settings.ring_again
    await world.change(lambda door: door.update(t.Run, t.Run.id == run.id, rung_at=door.now() + 3600))
    assert await world.change(lambda door: unrung(door, again)) == [run.id]
    assert await world.change(lambda door: unrung(door, again)) == []
