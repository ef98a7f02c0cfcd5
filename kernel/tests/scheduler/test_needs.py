"""Tasks that need others: they wait, go on in the moment of the acceptance, and never in a circle."""

import pytest

from codeforge.errors import Conflict, Invalid, NotFound
from codeforge.model import Principal, RunState
from codeforge.store import tables as t


async def test_a_task_waits_for_all_that_it_needs(world):
    project = await world.project()
    first, second = await world.submit(project, "first"), await world.submit(project, "second")
    third = await world.submit(project, "third", priority=9, needs=[first.task_id, second.task_id, first.task_id])
    assert [await world.claim() for _ in range(3)] == [first.id, second.id, None]
    await world.accept(first.id)
    assert await world.claim() is None
    assert await world.why() == {third.id: f"waits for task {second.task_id} (second)"}
    await world.accept(second.id)
    assert await world.claim() == third.id


async def test_the_acceptance_and_the_release_are_one_transaction(world, monkeypatch):
    project = await world.project()
    first = await world.submit(project, "first")
    second = await world.submit(project, "second", needs=[first.task_id])
    await world.claim()
    await world.review(first.id)

    def cut_off(*_, **__):
        raise RuntimeError("killed in the middle")

    with monkeypatch.context() as patch:
        patch.setattr("codeforge.forge.runs.end", cut_off)
        with pytest.raises(RuntimeError):
            await world.forge.reviews.give(world.who, first.id, "accept")
    assert await blocked(world, second.id) == 1
    await world.forge.reviews.resume(everything=True)
    assert (await world.run(first.id)).state == RunState.ACCEPTED
    assert await blocked(world, second.id) == 0


async def blocked(world, run_id):
    return (await world.change(lambda door: door.one(t.Run, t.Run.id == run_id)))["blocked"]


async def test_a_second_accepted_change_of_a_task_frees_nobody_twice(world):
    project = await world.project()
    first, other = await world.submit(project, "first"), await world.submit(project, "other")
    rival = await world.forge.runs.start(world.who, first.task_id)
    waits = await world.submit(project, "waits", needs=[first.task_id, other.task_id])
    for run_id in [await world.claim() for _ in range(3)]:
        await world.review(run_id)
    for run in (first, rival):
        await world.forge.reviews.give(world.who, run.id, "accept")
    assert await blocked(world, waits.id) == 1
    assert await world.claim() is None
    await world.forge.reviews.give(world.who, other.id, "accept")
    assert await world.claim() == waits.id


async def test_what_was_accepted_already_is_no_need_to_wait_for(world):
    project = await world.project()
    first = await world.submit(project)
    await world.claim()
    await world.accept(first.id)
    second = await world.submit(project, needs=[first.task_id])
    assert await world.claim() == second.id


async def test_a_needed_task_that_came_to_nothing_is_named_with_what_to_do(world):
    project = await world.project()
    first = await world.submit(project, "first")
    second = await world.submit(project, "second", needs=[first.task_id])
    idea = (await world.forge.tasks.submit(world.who, project.id, "idea", start=False))[0]
    third = await world.submit(project, "third", needs=[idea.id])
    name = f"waits for task {first.task_id} (first)"
    assert (await world.why())[second.id] == name
    await world.claim()
    await world.review(first.id)
    assert (await world.why())[second.id] == f"{name}, whose change waits for review"
    await world.forge.reviews.give(world.who, first.id, "reject")
    why = await world.why()
    assert why[second.id] == f"{name}, whose last run was rejected: retry it, or take the need away"
    assert why[third.id] == f"waits for task {idea.id} (idea), which was not started"
    assert await world.claim() is None
    again = await world.forge.runs.start(world.who, first.task_id)
    assert await world.claim() == again.id
    await world.accept(again.id)
    assert await world.claim() == second.id


async def test_a_circle_is_refused_with_its_path_and_changes_nothing(world):
    project = await world.project()
    a = (await world.submit(project, "plan")).task_id
    b = (await world.submit(project, "build", needs=[a])).task_id
    c = (await world.submit(project, "test", needs=[b])).task_id
    with pytest.raises(Invalid) as refused:
        await world.forge.tasks.need(world.who, a, [c])
    assert refused.value.field == "needs"
    assert f"{a} (plan) needs {c} (test) needs {b} (build) needs {a} (plan)" in str(refused.value)
    assert (await world.forge.tasks.get(world.who, a)).needs == ()
    with pytest.raises(Invalid, match=rf"{a} \(plan\) needs {a} \(plan\)"):
        await world.forge.tasks.need(world.who, a, [a])


async def test_needs_can_be_taken_away_and_given_while_a_run_waits(world):
    project = await world.project()
    first = await world.submit(project, "first", priority=-1)
    second = await world.submit(project, "second")
    task = await world.forge.tasks.need(world.who, second.task_id, [first.task_id])
    assert task.needs == (first.task_id,)
    assert await blocked(world, second.id) == 1
    assert (await world.forge.tasks.need(world.who, second.task_id, [])).needs == ()
    assert await world.claim() == second.id


async def test_tasks_that_are_not_there_or_another_tenants_cannot_be_needed(world):
    project = await world.project()
    first = await world.submit(project)
    with pytest.raises(NotFound, match="There is no task nothing to wait for") as refused:
        await world.submit(project, needs=[first.task_id, "nothing"])
    assert refused.value.field == "needs"
    assert len(await world.forge.tasks.list(world.who, project.id)) == 1  # all or nothing
    stranger = Principal(user_id="u", user="eve", tenant_id="other", scopes=frozenset())
    with pytest.raises(NotFound):
        await world.forge.tasks.need(stranger, first.task_id, [])
    with pytest.raises(Invalid, match="may need 100 others, not 101"):
        await world.forge.tasks.need(world.who, first.task_id, [str(n) for n in range(101)])


async def test_a_project_that_others_wait_for_is_not_forgotten(world):
    one, two = await world.project("one"), await world.project("two")
    task, _ = await world.forge.tasks.submit(world.who, one.id, "needed", start=False)
    run = await world.submit(two, needs=[task.id])
    with pytest.raises(Conflict, match="take that need away first"):
        await world.forge.projects.remove(world.who, one.id)
    await world.forge.tasks.need(world.who, run.task_id, [])
    await world.forge.projects.remove(world.who, one.id)
    assert await world.claim() == run.id
