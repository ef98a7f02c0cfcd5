"""What was stopped or killed goes on where it was; and warm starts share nothing."""

import asyncio

from codeforge.testing import until


async def test_a_run_that_was_killed_goes_on_in_a_new_process_without_running_its_command_again(
    openhands, desk, models, say
):
    models.script("m", [say.shell("echo x >> count; touch begun; sleep 300")[0]])
    job = desk.job(prompt="Count, says ORCHID.")
    running = asyncio.create_task(desk.run(openhands, job))
    await until((desk.workspace / "begun").exists, "the command")
    for process in desk.alive(job):
        process.kill()
    assert (await running).data["reason"] == "agent_error"
    await until(lambda: not desk.alive(job), "its end")
    models.script("m", say.finish())
    last = await desk.run(openhands, desk.job(prompt="Go on.", follow_up=True))
    assert last.data["outcome"] == "done"
    assert desk.read("count") == "x\n"
    assert "ORCHID" in models.requests[-1].text


async def test_a_run_that_was_stopped_goes_on_as_well(openhands, desk, models, say):
    models.script("m", [say.shell("echo x >> count; touch begun; sleep 300")[0]])
    job = desk.job(prompt="Count, says ORCHID.")
    running = asyncio.create_task(desk.run(openhands, job))
    await until((desk.workspace / "begun").exists, "the command")
    running.cancel()
    await asyncio.wait([running])
    models.script("m", say.finish())
    last = await desk.run(openhands, desk.job(prompt="Go on.", follow_up=True))
    assert last.data["outcome"] == "done"
    assert desk.read("count") == "x\n"
    assert "ORCHID" in models.requests[-1].text
    assert "interrupted before completion" in models.requests[-1].text


async def test_what_warm_starts_would_share_is_not_there(openhands, desk, models, say):
    models.script("m", say.shell("echo x > ~/mine"))
    assert (await desk.run(openhands, desk.job())).data["outcome"] == "done"
    assert not (openhands._environment.python.parents[2] / "nobody").exists()
