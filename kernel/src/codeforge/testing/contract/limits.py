"""Limits of a run: model calls, time, and what the commands of an agent may pour out."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from codeforge.agents import AgentJob
from codeforge.model import Limits, Reason
from codeforge.testing.contract.case import case
from codeforge.testing.contract.processes import alive
from codeforge.testing.contract.trial import Trial, demand, known
from codeforge.testing.steps import Step

MUCH = 300_000_000
MEMORY = 900 * 2**20
"""Bytes that an agent may take while a command of it pours out three hundred million."""


@case
async def model_calls_are_limited_to_the_very_number(trial: Trial) -> None:
    trial.script(known(trial.dialect.on_and_on(), "go on and on"))
    last = await trial.run(trial.job(limits=Limits(steps=3)))
    demand(last.data["reason"], Reason.STEP_LIMIT, f"the reason ({last.data['detail']})")
    demand(len(trial.models.requests), 3, "the number of requests")


@case
async def time_is_limited(trial: Trial) -> None:
    trial.script([Step(then="hang", until=0)])
    began = time.monotonic()
    last = await trial.run(trial.job(limits=Limits(seconds=4)))
    demand(last.data["reason"], Reason.TIME_LIMIT, f"the reason ({last.data['detail']})")
    demand(time.monotonic() - began < 20, True, "whether it ended soon after")


@case
async def endless_output_of_a_command_costs_little(trial: Trial) -> None:
    trial.script(trial.shell(f"yes | head -c {MUCH}; echo over > over.txt"))
    job = trial.job()
    watching = asyncio.create_task(_most_memory(job))
    await trial.done(job)
    watching.cancel()
    demand(trial.read("over.txt"), "over\n", "the file")
    demand(len(trial.said()) < 2**20, True, "whether the events stay small")
    demand(await watching < MEMORY, True, "whether its memory stays small")


@case
async def a_background_process_does_not_hold_it_up(trial: Trial) -> None:
    trial.script(trial.shell("sleep 600 & echo started > started.txt"))
    job = trial.job()
    await trial.done(job)
    demand(trial.read("started.txt"), "started\n", "the file")
    demand([one.command for one in alive(job.mark)], [], "what is left alive")


async def _most_memory(job: AgentJob) -> int:
    """The most memory that the processes of ``job`` have taken together, looked at until cancelled."""
    most = 0
    with suppress(asyncio.CancelledError):
        while True:
            most = max(most, sum(one.memory for one in alive(job.mark)))
            await asyncio.sleep(0.1)
    return most
