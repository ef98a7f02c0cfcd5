"""Time: runs that start later, and faults that are tried again with patience."""

from datetime import UTC, datetime, timedelta

import pytest

from codeforge.model import Change, Reason, RunState
from codeforge.scheduler import again
from codeforge.store import tables as t


async def test_a_task_does_not_start_before_its_time_whichever_run_of_it(world):
    project = await world.project()
    later = datetime.now(UTC) + timedelta(hours=1)
    run = await world.submit(project, not_before=later)
    rival = await world.forge.runs.start(world.who, run.task_id)
    assert (await world.forge.tasks.get(world.who, run.task_id)).not_before == later
    assert await world.claim() is None
    shown = await world.line()
    assert [(item.run_id, item.why, item.until) for item in shown.items] == [
        (run.id, "not_before", later),
        (rival.id, "not_before", later),
    ]
    await time_passes(world, run.id)
    assert await world.claim() == run.id


async def time_passes(world, run_id):
    await world.change(lambda door: door.update(t.Run, t.Run.id == run_id, not_before=door.now() - 1))


async def test_a_time_that_is_past_is_no_reason_to_wait(world):
    run = await world.submit(await world.project(), not_before=datetime(2020, 1, 1, tzinfo=UTC))
    assert await world.claim() == run.id


async def test_a_repository_that_does_not_answer_is_asked_again_a_few_times(world):
    run = await world.submit(await world.project())
    for tried in (1, 2):
        assert await world.claim() == run.id
        await world.report(run.id, RunState.FAILED, reason=Reason.SCM_UNREACHABLE, detail="Nobody answered.")
        waiting = await world.run(run.id)
        assert (waiting.state, waiting.reason, waiting.retries) == (RunState.QUEUED, None, tried)
        assert waiting.detail == f"Nobody answered. CodeForge tries again in {(5, 30)[tried - 1]} s ({tried} of 2)."
        assert (await world.why())[run.id].startswith("back-off after a fault until ")
        assert await world.claim() is None
        await time_passes(world, run.id)
    assert await world.claim() == run.id
    await world.report(run.id, RunState.FAILED, reason=Reason.SCM_UNREACHABLE, detail="Nobody answered.")
    failed = await world.run(run.id)
    assert (failed.state, failed.reason, failed.detail) == (
        RunState.FAILED,
        Reason.SCM_UNREACHABLE,
        "Nobody answered.",
    )


async def test_what_a_faulty_attempt_did_is_not_taken_for_the_next_ones_change(world):
    run = await world.submit(await world.project())
    await world.claim()
    await world.report(run.id, RunState.WORKING)
    change = Change(base="b" * 40, head="c" * 40, files=1, added=1, deleted=0)
    await world.report(run.id, RunState.FAILED, reason=Reason.MODEL_UNREACHABLE, detail="No answer.", change=change)
    waiting = await world.run(run.id)
    assert (waiting.state, waiting.change) == (RunState.QUEUED, None)


@pytest.mark.parametrize("reason", sorted(set(Reason) - {Reason.SCM_UNREACHABLE, Reason.MODEL_UNREACHABLE}))
async def test_no_other_fault_is_tried_again(world, reason):
    run = await world.submit(await world.project())
    await world.claim()
    await world.report(run.id, RunState.WORKING, RunState.FAILED, reason=reason)
    assert (await world.run(run.id)).state == RunState.FAILED


async def test_a_run_that_was_to_stop_is_not_tried_again(world):
    run = await world.submit(await world.project())
    await world.claim()
    await world.forge.runs.stop(world.who, run.id)
    await world.report(run.id, RunState.FAILED, reason=Reason.SCM_UNREACHABLE)
    assert (await world.run(run.id)).state == RunState.STOPPED


async def test_a_full_disk_before_the_agent_has_begun_is_tried_again(world):
    run = await world.submit(await world.project())
    await world.claim()
    await world.report(run.id, RunState.FAILED, reason=Reason.DISK_FULL)
    assert (await world.run(run.id)).state == RunState.QUEUED


def test_each_try_waits_longer_but_never_for_ever():
    assert [again("scm_unreachable", n, 6) for n in range(7)] == [5, 30, 180, 900, 900, 900, None]
    assert again("model_unreachable", 0, 0) is None
