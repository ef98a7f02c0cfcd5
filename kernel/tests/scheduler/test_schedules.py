"""Schedules: each time once, over missed times, changes of clocks, several servers and what went wrong."""

import asyncio
import time
from datetime import UTC, datetime

import pytest

from codeforge.errors import Conflict, Invalid, NotFound
from codeforge.model import Principal, RunState
from codeforge.scheduler.cron import next_tick
from codeforge.store import tables as t


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("cron", "zone", "after", "comes"),
    [
        ("0 6 * * *", "UTC", "2026-11-25 05:59", "2026-11-25 06:00"),
        ("0 6 * * *", "UTC", "2026-11-25 06:00", "2026-11-26 06:00"),
        ("0 6 * * MON-FRI", "America/New_York", "2026-11-27 12:00", "2026-11-30 11:00"),
        ("*/15 * * * *", "Asia/Kolkata", "2026-11-25 00:01", "2026-11-25 00:15"),
        ("30 2 * * *", "Europe/Berlin", "2026-03-28 12:00", "2026-03-29 01:00"),  # left out: comes after the change
        ("30 2 * * *", "Europe/Berlin", "2026-10-25 00:00", "2026-10-25 00:30"),  # doubled: the first
        ("30 2 * * *", "Europe/Berlin", "2026-10-25 00:30", "2026-10-26 01:30"),  # and not the second
        ("0 0 29 2 *", "UTC", "2026-11-25 00:00", "2028-02-29 00:00"),
    ],
)
def test_times_come_in_the_schedules_own_zone(cron, zone, after, comes):
    assert next_tick(cron, zone, at(after)) == at(comes)


@pytest.mark.parametrize(
    ("cron", "zone", "field", "words"),
    [
        ("* * * *", "UTC", "cron", "five fields"),
        ("* * * * * *", "UTC", "cron", "five fields"),
        ("61 * * * *", "UTC", "cron", "minute"),
        ("0 25 * * *", "UTC", "cron", "hour"),
        ("0 0 30 2 *", "UTC", "cron", "day"),
        ("0 0 * * FRY", "UTC", "cron", "day-of-week"),
        ("", "UTC", "cron", "five fields"),
        ("0 6 * * *", "Nowhere", "zone", "time zone"),
    ],
)
def test_what_is_no_schedule_is_refused_with_its_field(cron, zone, field, words):
    with pytest.raises(Invalid, match=words) as refused:
        next_tick(cron, zone, at("2026-11-25 00:00"))
    assert refused.value.field == field


async def made(world, **values):
    project = await world.project()
    values = {"name": "nightly", "cron": "0 3 * * *", "priority": 3, "agent": "other", "model": "n", **values}
    return await world.forge.schedules.add(world.who, project.id, "Update what we depend on", **values)


async def time_comes(world, schedule, hours=0):
    """As if the schedule's time had come, some hours ago."""
    await world.change(
        lambda door: door.update(t.Schedule, t.Schedule.id == schedule.id, next_at=time.time() - 1 - 3600 * hours)
    )


async def submitted(world, schedule):
    return await world.forge.tasks.list(world.who, schedule.project_id)


async def test_when_its_time_comes_a_schedule_submits_its_task_once(world):
    schedule = await made(world)
    await world.forge.schedules.tick()
    assert await submitted(world, schedule) == []
    await time_comes(world, schedule)
    for _ in range(3):
        await world.forge.schedules.tick()
    [task] = await submitted(world, schedule)
    assert (task.prompt, task.priority, task.agent, task.model) == ("Update what we depend on", 3, "other", "n")
    assert task.schedule_id == schedule.id
    [run] = await world.forge.runs.list(world.who, task_id=task.id)
    assert (run.state, run.priority, run.agent, run.provider) == (RunState.QUEUED, 3, "other", "q")
    after = await world.forge.schedules.get(world.who, schedule.id)
    assert after.next_at == schedule.next_at
    assert after.outcome == f"Task {task.id} was submitted."
    assert after.last_at
    assert after.last_at < datetime.now(UTC)


async def test_many_servers_that_look_at_once_submit_one_task(world):
    schedule = await made(world)
    await time_comes(world, schedule)
    await asyncio.gather(*(world.forge.schedules.tick() for _ in range(10)))
    assert len(await submitted(world, schedule)) == 1


async def test_times_that_were_missed_come_once(world):
    schedule = await made(world, cron="*/5 * * * *")
    await time_comes(world, schedule, hours=48)
    for _ in range(5):
        await world.forge.schedules.tick()
    assert len(await submitted(world, schedule)) == 1
    assert (await world.forge.schedules.get(world.who, schedule.id)).next_at > datetime.now(UTC)


async def test_while_its_last_task_goes_on_a_schedule_skips_and_says_so(world):
    schedule = await made(world)
    await time_comes(world, schedule)
    await world.forge.schedules.tick()
    [task] = await submitted(world, schedule)
    await time_comes(world, schedule)
    await world.forge.schedules.tick()
    assert len(await submitted(world, schedule)) == 1
    after = await world.forge.schedules.get(world.who, schedule.id)
    assert after.outcome == f"No task was submitted: task {task.id} of the time before is still under way."
    run_id = await world.claim()
    await world.review(run_id)
    await time_comes(world, schedule)
    await world.forge.schedules.tick()
    assert len(await submitted(world, schedule)) == 2


async def test_one_that_is_off_does_nothing_and_makes_up_for_nothing_when_it_is_on_again(world):
    schedule = await made(world, enabled=False)
    await time_comes(world, schedule)
    await world.forge.schedules.tick()
    await world.forge.schedules.edit(world.who, schedule.id, enabled=True)
    await world.forge.schedules.tick()
    assert await submitted(world, schedule) == []


async def test_a_schedule_that_cannot_submit_says_why_and_tries_again_at_its_next_time(world):
    schedule = await made(world)
    well = await world.forge.schedules.add(world.who, schedule.project_id, "x", name="well", cron="0 3 * * *")
    del world.forge.offers.agents["other"]
    for one in (schedule, well):
        await time_comes(world, one)
    await world.forge.schedules.tick()
    after = await world.forge.schedules.get(world.who, schedule.id)
    assert after.outcome == "No task was submitted: There is no agent other; there is shell."
    assert after.enabled
    assert after.next_at > datetime.now(UTC)
    assert [task.schedule_id for task in await submitted(world, schedule)] == [well.id]


async def test_a_schedule_whose_zone_is_gone_is_switched_off_and_says_why(world):
    schedule = await made(world)
    await world.change(lambda door: door.update(t.Schedule, t.Schedule.id == schedule.id, zone="Europe/Atlantis"))
    await time_comes(world, schedule)
    await world.forge.schedules.tick()
    after = await world.forge.schedules.get(world.who, schedule.id)
    assert not after.enabled
    assert "no time zone 'Europe/Atlantis'" in after.outcome


async def test_editing_counts_from_now_and_checks_like_adding(world):
    schedule = await made(world)
    edited = await world.forge.schedules.edit(
        world.who, schedule.id, cron="30 4 * * *", zone="Europe/Berlin", agent=None
    )
    assert edited.next_at > datetime.now(UTC)
    assert edited.next_at.minute == 30
    assert edited.agent is None
    for wrong in ({"cron": "x"}, {"zone": "x"}, {"name": " "}, {"prompt": ""}, {"agent": "nobody"}, {"model": "gpt"}):
        with pytest.raises((Invalid, NotFound)):
            await world.forge.schedules.edit(world.who, schedule.id, **wrong)
    assert await world.forge.schedules.get(world.who, schedule.id) == edited


async def test_names_are_unique_in_a_project_and_tenants_are_strangers(world):
    schedule = await made(world)
    with pytest.raises(Conflict, match="named nightly already"):
        await world.forge.schedules.add(world.who, schedule.project_id, "x", name="nightly", cron="0 3 * * *")
    stranger = Principal(user_id="u", user="eve", tenant_id="other", scopes=frozenset())
    assert await world.forge.schedules.list(stranger) == []
    for attempt in (
        world.forge.schedules.get(stranger, schedule.id),
        world.forge.schedules.edit(stranger, schedule.id, enabled=False),
        world.forge.schedules.remove(stranger, schedule.id),
        world.forge.schedules.add(stranger, schedule.project_id, "x", name="y", cron="0 3 * * *"),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_a_schedule_goes_with_its_project_or_alone(world):
    schedule = await made(world)
    await world.forge.schedules.remove(world.who, schedule.id)
    again = await world.forge.schedules.add(world.who, schedule.project_id, "x", name="nightly", cron="0 3 * * *")
    await world.forge.projects.remove(world.who, again.project_id)
    assert await world.forge.schedules.list(world.who) == []
