"""Every way in which a model can fail, each with its own reason; half an answer is never applied."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from codeforge.agents import AgentJob
from codeforge.model import Reason
from codeforge.testing.contract.case import case
from codeforge.testing.contract.trial import FRIENDLY, KEY, Trial, demand
from codeforge.testing.ports import free_port
from codeforge.testing.steps import Step


async def _fails(trial: Trial, *steps: Step, reason: Reason, job: AgentJob | None = None) -> None:
    if steps:
        trial.script(steps)
    last = await trial.run(job)
    demand(last.data["reason"], reason, f"the reason ({last.data['detail']})")
    demand(trial.changed(), set(), "all that changed")
    demand(KEY in trial.said(), False, "whether the key is told")


def _hasty(trial: Trial) -> AgentJob:
    """A job with little patience."""
    return trial.job(call_timeout=1.0, patience=1.0)


@case
async def a_refused_key_is_model_auth(trial: Trial) -> None:
    for status in (401, 403):
        before = len(trial.asked)
        await _fails(trial, Step(status=status, text=f"no, not with {KEY}"), reason=Reason.MODEL_AUTH)
        demand(len(trial.asked) - before, 1, "the number of requests")


@case
async def a_model_that_is_not_there_is_model_refused(trial: Trial) -> None:
    await _fails(trial, Step(status=404, code="model_not_found", text="no such model"), reason=Reason.MODEL_REFUSED)


@case
async def a_spent_budget_is_budget(trial: Trial) -> None:
    await _fails(trial, Step(status=402, code="budget_exceeded", text="the budget is spent"), reason=Reason.BUDGET)
    demand(len(trial.asked), 1, "the number of requests")


@case
async def a_prompt_beyond_the_window_is_model_refused(trial: Trial) -> None:
    step = Step(status=400, code="context_length_exceeded", text="This model's maximum context length is 100.")
    await _fails(trial, step, reason=Reason.MODEL_REFUSED)


@case
async def a_provider_that_is_busy_twice_is_asked_again(trial: Trial) -> None:
    for status in (429, 500):
        text = f"BUSY = {status}\n"
        trial.script([Step(status=status)] * 2 + trial.change({"other.py": text}))
        await trial.done(trial.job("Change other.py."))
        demand(trial.read("other.py"), text, "the file")


@case
async def a_provider_that_is_always_busy_is_quota(trial: Trial) -> None:
    await _fails(trial, Step(status=429, text="slow down"), reason=Reason.QUOTA, job=_hasty(trial))


@case
async def a_provider_that_always_fails_is_model_unreachable(trial: Trial) -> None:
    await _fails(trial, Step(status=500), reason=Reason.MODEL_UNREACHABLE, job=_hasty(trial))


@case
async def a_gateway_where_nobody_listens_is_model_unreachable(trial: Trial) -> None:
    job = replace(_hasty(trial), gateway=f"http://127.0.0.1:{free_port()}/v1")
    await _fails(trial, reason=Reason.MODEL_UNREACHABLE, job=job)


@case
async def a_model_that_says_nothing_is_model_unreachable(trial: Trial) -> None:
    await _fails(trial, Step(then="hang", until=0), reason=Reason.MODEL_UNREACHABLE, job=_hasty(trial))


@case
async def a_model_that_falls_silent_in_mid_answer_is_model_unreachable(trial: Trial) -> None:
    await _fails(trial, *_half(trial, "hang"), reason=Reason.MODEL_UNREACHABLE, job=_hasty(trial))


@case
async def an_answer_that_is_cut_off_is_never_applied(trial: Trial) -> None:
    await _fails(trial, *_half(trial, "cut"), reason=Reason.MODEL_UNREACHABLE, job=_hasty(trial))


@case
async def answers_that_cannot_be_used_are_bad_output_or_stuck(trial: Trial) -> None:
    trial.script(trial.dialect.malformed())
    last = await trial.run()
    demand(last.data["reason"] in (Reason.BAD_OUTPUT, Reason.AGENT_STUCK), True, f"whether {last.data} says so")
    demand(trial.changed(), set(), "all that changed")


def _half(trial: Trial, then: Literal["hang", "cut"]) -> list[Step]:
    """The first answer of an edit, as far as its first half, for ever."""
    first, *_ = trial.change({"hello.py": FRIENDLY})
    words = first.text or "Let me see to that, it will not take long."
    return [replace(first, text=words, until=0.5, then=then)]
