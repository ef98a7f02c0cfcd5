"""Ten thousand tasks in the queue: submitting, claiming, ringing and looking at it stay quick.

Times are those of the processor, on the thread that works on the database or in this process, so that other work on
the machine does not count.
"""

import statistics
import time

import pytest

from codeforge.forge import projects, tasks
from codeforge.forge.rows import moment
from codeforge.ids import new_id
from codeforge.model import Task
from codeforge.scheduler import WorkerFacts, claim, unrung
from codeforge.store import tables as t
from codeforge.testing import StandIns, running

CROWD = 10_000


def crowd(door, tenant_id, project_ids, **facts):
    """Ten thousand queued runs of as many tasks, spread over the projects; ``facts`` are columns of the runs."""
    now = time.time()
    number = len(project_ids)
    made = [(new_id(), new_id(), project_ids[n % number], n // number % 5) for n in range(CROWD)]
    shared = {"tenant_id": tenant_id, "prompt": "do it", "created_at": now}
    door.insert_all(
        t.Task,
        [
            {**shared, "id": task, "project_id": project, "title": f"task {n}", "priority": rank}
            for n, (task, _, project, rank) in enumerate(made)
        ],
    )
    empty = {"detail": "", "generation": 0, "losses": 0, "not_before": 0.0, "rung_at": 0.0, "state": "queued"}
    kind = {"number": 1, "agent": "shell", "model": "m", "provider": "p", **shared, **empty, **facts}
    door.insert_all(
        t.Run,
        [
            {**kind, "id": run, "task_id": task, "project_id": project, "priority": rank}
            for task, run, project, rank in made
        ],
    )


def timed(work):
    """``work`` as one that also gives the milliseconds of its thread."""

    def measured(door):
        started = time.thread_time()
        found = work(door)
        return found, (time.thread_time() - started) * 1000

    return measured


async def median(world, work, times=41):
    found = [await world.change(timed(work)) for _ in range(times)]
    assert all(result for result, _ in found)
    return statistics.median(took for _, took in found)


@pytest.mark.parametrize("number", [1, 100])
async def test_a_claim_takes_few_milliseconds_of_the_database(world, number):
    made = [(await world.project(f"project-{n}", max_runs=100)).id for n in range(number)]
    await world.change(lambda door: crowd(door, world.who.tenant_id, made))
    assert await median(world, lambda door: claim(door, WorkerFacts(id="w"), 60.0)) < 5


@pytest.mark.parametrize("facts", [{"blocked": 1}, {"not_before": 4e9}], ids=["blocked", "later"])
async def test_runs_that_cannot_start_yet_do_not_slow_down_those_that_can(world, facts):
    project = await world.project()
    await world.change(lambda door: crowd(door, world.who.tenant_id, [project.id], priority=9, **facts))
    ready = {(await world.submit(project)).id for _ in range(41)}
    assert await median(world, lambda door: ready.discard(claim(door, WorkerFacts(id="w"), 60.0)["id"]) or True) < 5
    assert not ready


async def test_ringing_tells_of_a_few_hundred_at_most(world):
    made = [(await world.project(f"project-{n}")).id for n in range(3)]
    await world.change(lambda door: crowd(door, world.who.tenant_id, made))
    rung, took = await world.change(timed(lambda door: unrung(door, 5.0)))
    assert 100 <= len(rung) <= 200
    assert took < 50
    assert await world.change(lambda door: unrung(door, 5.0)) == []


async def test_submitting_costs_the_same_behind_ten_thousand(world):
    project = await world.project()

    def submit(door):
        task = Task(
            id=new_id(),
            tenant_id=world.who.tenant_id,
            project_id=project.id,
            title="one more",
            prompt="do it",
            created_at=moment(time.time()),
        )
        mine = door.of(world.who.tenant_id)
        assert projects.find(mine, project.id)
        return tasks.write(mine, task, ("shell", "m", 0, "p"))

    first = await median(world, submit)
    await world.change(lambda door: crowd(door, world.who.tenant_id, [project.id]))
    assert await median(world, submit) < 2 * first + 1


async def test_the_queue_is_answered_quickly(settings_of_a_server, repository):
    async with running(settings_of_a_server, extra={"stand_ins": StandIns()}, working=False) as (forge, api):
        made = []
        for number in range(20):
            body = {"url": str(repository), "agent": "shell", "model": "none", "name": f"project-{number}"}
            made.append((await api.post("/projects", body))["id"])
        tenant_id = (await forge.accounts.admin()).tenant_id
        await forge.store.run(None, lambda door: crowd(door, tenant_id, made))
        took = []
        for after in (0, 5000, CROWD - 50, 0, 50):
            started = time.process_time()
            page = await api.get(f"/queue?after={after}")
            took.append(time.process_time() - started)
            assert (page["total"], len(page["items"])) == (CROWD, 50)
            assert page["totals"] == {"no_worker": CROWD}
        assert min(took) < 0.2
        first = [item["project"] for item in (await api.get("/queue?limit=20"))["items"]]
        assert len(set(first)) == 20  # a fair share for each


@pytest.fixture
def settings_of_a_server(tmp_path):
    from codeforge import Settings

    return Settings(data_dir=tmp_path / "data", port=0, default_agent="shell")


@pytest.fixture
def repository(tmp_path):
    from codeforge.testing import new_repository

    return new_repository(tmp_path / "repository")
