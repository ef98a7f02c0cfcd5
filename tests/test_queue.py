"""The queue in a whole CodeForge: needs, faults that pass, and schedules, with real runs on a real repository."""

import asyncio
import time

from codeforge.store import tables as t
from codeforge.testing import StandIns, running


async def waits(api, run):
    """Why the run waits, once it does; None when it waits no more."""
    items = (await api.get("/queue"))["items"]
    return next((item["text"] for item in items if item["run_id"] == run["id"]), None)


async def test_a_task_starts_by_itself_once_what_it_needs_is_accepted(api, project):
    first = await api.start(project, "echo one > one.txt")
    second = await api.start(project, "cat one.txt > two.txt", needs=[first["task_id"]])
    assert f"waits for task {first['task_id']}" in await waits(api, second)
    await api.until(first, "review")
    assert "whose change waits for review" in await waits(api, second)
    await api.post(f"/runs/{first['id']}/review", {"verdict": "accept"})
    second = await api.until(second, seconds=10)
    assert (second["state"], second["change"]["files"]) == ("review", 1)
    assert await waits(api, second) is None


async def test_a_repository_that_is_away_for_a_moment_costs_a_run_nothing(api, project, repository):
    away = repository.rename(repository.with_name("away"))
    run = await api.start(project, "echo b > b.txt")
    await api.says(run, "CodeForge tries again in 5 s (1 of 2).")
    assert "back-off after a fault" in await waits(api, run)
    away.rename(repository)
    run = await api.until(run)
    assert (run["state"], run["detail"]) == ("review", "")


async def test_runs_of_a_project_start_as_its_limit_allows(api, project):
    await api.call("PATCH", f"/projects/{project['id']}", {"max_runs": 1})
    first = await api.start(project, "until [ -e go ]; do sleep 0.05; done; echo b > b.txt")
    await api.until(first, "working")
    second = await api.start(project, "echo c > c.txt")
    assert await waits(api, second) == "the project is at its limit of 1 run"
    await api.call("PATCH", f"/projects/{project['id']}", {"max_runs": 2})
    assert (await api.until(second, seconds=15))["state"] == "review"
    await api.post(f"/runs/{first['id']}/stop")
    await api.until(first)


async def test_a_schedules_time_comes_and_its_task_is_done(settings, repository):
    async with running(settings, extra={"stand_ins": StandIns()}) as (forge, api):
        project = await api.post("/projects", {"url": str(repository), "agent": "shell", "model": "none"})
        body = {"project_id": project["id"], "name": "often", "cron": "0 3 * * *", "prompt": "echo b > b.txt"}
        schedule = await api.post("/schedules", body)
        due = t.Schedule.id == schedule["id"]
        await forge.store.run(None, lambda door: door.update(t.Schedule, due, next_at=door.now() - 7 * 86_400))
        deadline = time.monotonic() + 20
        while not (tasks := (await api.get(f"/projects/{project['id']}/tasks"))["items"]):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        assert [task["schedule_id"] for task in tasks] == [schedule["id"]]
        [run] = (await api.get(f"/tasks/{tasks[0]['id']}/runs"))["items"]
        assert (await api.until(run))["state"] == "review"
        assert len((await api.get(f"/projects/{project['id']}/tasks"))["items"]) == 1  # a week of times came once
