"""Stopping: whatever an agent is at, within two seconds nothing of it is left, and no further call is made."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import subprocess
import sys
import time
from contextlib import aclosing, suppress
from functools import partial

from codeforge.agents import AgentJob
from codeforge.events import Kind
from codeforge.testing.contract.case import case, quick_case
from codeforge.testing.contract.processes import alive
from codeforge.testing.contract.trial import Trial, demand
from codeforge.testing.steps import Step
from codeforge.testing.waiting import until

STOP_SECONDS = 2.0
"""As promised, also on a machine whose other processor is busy."""
STUBBORN = "(setsid sh -c \"trap '' TERM; sleep 600; true\" &) ; trap '' TERM; echo on > on.txt; sleep 600"
"""A command that ends by no request, nor does what it has started and left."""
SLOW = Step(text="Still thinking about it.\n" * 2000, pause=0.05)


async def _stopped(trial: Trial, job: AgentJob, running: asyncio.Task[object]) -> None:
    """Stop it; nothing may be left."""
    demand(bool(alive(job.mark)), True, "whether it was at work")
    asked = time.monotonic()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    took, calls = time.monotonic() - asked, len(trial.models.requests)
    demand([one.command for one in alive(job.mark)], [], "what is left alive")
    demand(took < STOP_SECONDS, True, f"whether {took:.2f} s is soon enough")
    demand([str(path) for path in (trial.workspace / ".git").rglob("*.lock")], [], "lock files left")
    await asyncio.sleep(0.2)
    demand(len(trial.models.requests), calls, "the number of requests after the stop")


def _lives(job: AgentJob, many: int) -> bool:
    return len(alive(job.mark)) >= many


@quick_case
async def a_stop_while_it_starts_leaves_nothing(trial: Trial) -> None:
    for many in (1, 2):  # what watches over it comes first
        trial.script([SLOW])
        running = asyncio.create_task(trial.run(job := trial.job()))
        await until(partial(_lives, job, many), f"{many} processes")
        await _stopped(trial, job, running)


@quick_case
async def a_stop_while_it_waits_for_the_model_leaves_nothing(trial: Trial) -> None:
    trial.script([Step(then="hang", until=0)])
    running = asyncio.create_task(trial.run(job := trial.job()))
    await until(lambda: trial.asked, "a request")
    await _stopped(trial, job, running)


@quick_case
async def a_stop_while_the_model_speaks_leaves_nothing(trial: Trial) -> None:
    trial.script([SLOW])
    running = asyncio.create_task(trial.run(job := trial.job()))
    await until(lambda: any(event.kind == Kind.SAID for event in trial.events), "a word of the model")
    await _stopped(trial, job, running)


@case
async def a_stop_while_it_pauses_before_another_try_leaves_nothing(trial: Trial) -> None:
    trial.script([Step(status=500)])
    running = asyncio.create_task(trial.run(job := trial.job()))
    await until(lambda: len(trial.asked) >= 3, "three tries")
    await _stopped(trial, job, running)


@quick_case
async def a_stop_while_a_command_runs_leaves_nothing(trial: Trial) -> None:
    trial.script(trial.shell(STUBBORN))
    running = asyncio.create_task(trial.run(job := trial.job()))
    await until((trial.workspace / "on.txt").exists, "the command")
    await _stopped(trial, job, running)


@quick_case
async def leaving_the_iteration_stops_it(trial: Trial) -> None:
    trial.script([SLOW])
    job = trial.job()
    async with aclosing(trial.agent.run(job)) as events:
        async for event in events:
            if event.kind == Kind.SAID:
                break
    demand([one.command for one in alive(job.mark)], [], "what is left alive")


WORKER = """
import asyncio, pickle, sys
agent, job = pickle.load(sys.stdin.buffer)
async def main():
    async for event in agent.run(job):
        pass
asyncio.run(main())
"""


@quick_case
async def a_worker_that_is_killed_takes_it_along(trial: Trial) -> None:
    commands = trial.dialect.shell(STUBBORN)
    trial.script(commands or [Step(then="hang", until=0)])
    job = trial.job()
    worker = subprocess.Popen([sys.executable, "-c", WORKER], stdin=subprocess.PIPE)
    try:
        assert worker.stdin
        worker.stdin.write(pickle.dumps((trial.agent, job)))
        worker.stdin.close()
        await until((trial.workspace / "on.txt").exists if commands else lambda: trial.asked, "its work")
        demand(bool(alive(job.mark)), True, "whether it was at work")
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    await until(lambda: not alive(job.mark), "the end of its processes", 10.0)


@case
async def an_agent_that_is_killed_is_told_as_an_error(trial: Trial) -> None:
    trial.script([Step(then="hang", until=0)])
    running = asyncio.create_task(trial.run(job := trial.job()))
    await until(lambda: trial.asked, "a request")
    found = alive(job.mark)
    for one in found:
        if one.parent in [other.pid for other in found]:  # the first of them keeps watch over the rest
            with suppress(ProcessLookupError):
                os.kill(one.pid, signal.SIGKILL)
    last = await running
    demand(last.data["reason"], "agent_error", "the reason")
    demand([one.command for one in alive(job.mark)], [], "what is left alive")
