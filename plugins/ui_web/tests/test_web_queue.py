"""The queue and schedules as pages."""

from __future__ import annotations

from web_asking import read, send

NASTY = "<img src=x onerror=alert(1)>"


async def test_the_queue_shows_what_waits_in_order_and_why(client, stage):
    await stage.hello()
    project = await stage.project()
    first = await stage.task(project, f"Do it first {NASTY}", priority=3)
    second = await stage.task(project, "Do it later", needs=[first.task_id])
    text = await read(client, "/queue")
    assert "2 runs waiting" in text
    assert text.index(f"/runs/{first.id}") < text.index(f"/runs/{second.id}")
    assert "waits for a free worker" in text
    assert f"waits for task {first.task_id} (Do it first" in text
    assert "priority 3" in text
    assert NASTY not in text


async def test_a_run_that_waits_says_why_and_its_task_what_it_needs(client, stage):
    await stage.hello()
    project = await stage.project()
    first = await stage.task(project, "Do it first")
    second = await stage.task(project, "Do it later", needs=[first.task_id])
    assert f"Waits for task {first.task_id} (Do it first)." in await read(client, f"/runs/{second.id}")
    task = await read(client, f"/tasks/{second.task_id}")
    assert f'href="/tasks/{first.task_id}">Do it first' in task
    assert "Not accepted yet" in task
    await stage.review(first)
    assert "See the queue" not in await read(client, f"/runs/{first.id}")
    await stage.forge.reviews.give(stage.who, first.id, "accept")
    assert "Waits for a free worker." in await read(client, f"/runs/{second.id}")
    assert "Not accepted yet" not in await read(client, f"/tasks/{second.task_id}")


async def test_a_long_queue_has_pages(client, stage):
    project = await stage.project()
    for number in range(52):
        await stage.task(project, f"task {number}")
    text = await read(client, "/queue")
    assert "52 runs waiting" in text
    assert text.count("<li ") == 50
    assert 'href="?after=50"' in text
    text = await read(client, "/queue?after=50")
    assert (text.count("<li "), "Further back" in text, 'start="51"' in text) == (2, False, True)
    assert "To the front of the queue" in await read(client, "/queue?after=52")
    assert "52 runs waiting" in await read(client, "/queue?after=nonsense")


async def test_a_schedule_is_made_switched_and_removed(client, stage):
    project = await stage.project()
    given = {"project": project.id, "name": "nightly", "cron": "0 3 * * *", "zone": "Europe/Berlin", "prompt": "Update"}
    status, _, text = await send(client, "/queue/schedules", **{**given, "cron": "often"})
    assert status == 422
    assert "five fields" in text
    status, headers, _ = await send(client, "/queue/schedules", **given)
    assert (status, headers["HX-Redirect"]) == (200, "/queue/schedules")
    [schedule] = await stage.forge.schedules.list(stage.who)
    text = await read(client, "/queue/schedules")
    assert "nightly" in text
    assert "Switch off" in text
    await send(client, f"/queue/schedules/{schedule.id}/switch", on="no")
    assert "Switch on" in await read(client, "/queue/schedules")
    await send(client, f"/queue/schedules/{schedule.id}/remove")
    assert "No schedule yet" in await read(client, "/queue/schedules")
