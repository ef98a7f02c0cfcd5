"""Every way in which a model can fail, each with its own reason; half an answer is never applied."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from codeforge.agents import AgentJob
from codeforge.model import Limits, Reason
from codeforge.testing.contract.case import case, quick_case
from codeforge.testing.contract.trial import FRIENDLY, KEY, Trial, demand
from codeforge.testing.ports import free_port
from codeforge.testing.steps import Step

MORE = "And now the second file, which needs the same. " * 5


async def _fails(trial: Trial, *steps: Step, reason: Reason, tells: str = "", job: AgentJob | None = None) -> None:
    """Let it fail for ``reason``, with a sentence that ``tells`` so, without any change."""
    if steps:
        trial.script(steps)
    last = await trial.run(job)
    demand(last.data["reason"], reason, f"the reason ({last.data['detail']})")
    demand(tells in last.data["detail"], True, f"whether {last.data['detail']!r} tells {tells!r}")
    demand(trial.changed(), set(), "all that changed")
    demand(KEY in trial.said(), False, "whether the key is told")


async def _refuses(trial: Trial, status: int, reason: Reason, code: str | None = None) -> None:
    """Let the provider refuse the request; nothing is gained by asking again."""
    before = len(trial.asked)
    step = Step(status=status, code=code, text=f"no, said with {KEY}")
    await _fails(trial, step, reason=reason, tells="no, said with [key]")
    demand(str(status) in trial.said(), True, f"whether {status} is told")
    demand(len(trial.asked) - before, 1, "the number of requests")


async def _gives_up(trial: Trial, status: int, reason: Reason) -> None:
    before = len(trial.asked)
    await _fails(trial, Step(status=status, text="slow down"), reason=reason, tells="slow down", job=_hasty(trial))
    demand(str(status) in trial.said(), True, f"whether {status} is told")
    demand(2 <= len(trial.asked) - before <= 6, True, f"whether {len(trial.asked) - before} requests are some")


def _hasty(trial: Trial) -> AgentJob:
    """A job with little patience."""
    return trial.job(call_timeout=1.0, patience=trial.dialect.patience)


@quick_case
async def a_refused_key_is_model_auth(trial: Trial) -> None:
    await _refuses(trial, 401, Reason.MODEL_AUTH)


@case
async def a_forbidden_request_is_model_auth(trial: Trial) -> None:
    await _refuses(trial, 403, Reason.MODEL_AUTH)


@case
async def a_model_that_is_not_there_is_model_refused(trial: Trial) -> None:
    await _refuses(trial, 404, Reason.MODEL_REFUSED, "model_not_found")


@case
async def a_request_that_is_refused_is_model_refused(trial: Trial) -> None:
    for status in (400, 422):
        await _refuses(trial, status, Reason.MODEL_REFUSED)


@case
async def an_answer_that_was_never_recorded_is_model_refused(trial: Trial) -> None:
    await _refuses(trial, 409, Reason.MODEL_REFUSED)


@quick_case
async def a_spent_budget_is_budget(trial: Trial) -> None:
    await _refuses(trial, 402, Reason.BUDGET, "budget_exceeded")


@quick_case
async def a_budget_that_ends_in_mid_answer_is_budget(trial: Trial) -> None:
    await _fails(trial, _broken(trial, "error", "budget_exceeded"), reason=Reason.BUDGET)
    demand(len(trial.asked), 1, "the number of requests")


@case
async def a_prompt_beyond_the_window_is_model_refused(trial: Trial) -> None:
    step = Step(status=400, code="context_length_exceeded", text="This model's maximum context length is 100.")
    await _fails(trial, step, reason=Reason.MODEL_REFUSED, tells="maximum context length")


@case
async def a_provider_that_is_busy_twice_is_asked_again(trial: Trial) -> None:
    for status in (429, 500, 503):
        text = f"BUSY = {status}\n"
        await _is_asked_again(trial, text, [Step(status=status)] * 2)


@quick_case
async def a_connection_that_breaks_is_taken_up_again(trial: Trial) -> None:
    await _is_asked_again(trial, "TAKEN = 1\n", [Step(status=503), _broken(trial, "cut")])


async def _is_asked_again(trial: Trial, text: str, failing: list[Step]) -> None:
    """Let it change other.py to ``text`` all the same; tries that failed are no steps."""
    before, steps = len(trial.asked), trial.change({"other.py": text})
    trial.script([*failing, *steps])
    await trial.done(trial.job("Change other.py.", limits=Limits(steps=len(steps) + 1)))
    demand(trial.read("other.py"), text, "the file")
    demand(len(trial.asked) - before, len(failing) + len(steps), "the number of requests")


@case
async def a_provider_that_is_always_busy_is_quota(trial: Trial) -> None:
    await _gives_up(trial, 429, Reason.QUOTA)


@quick_case
async def a_provider_that_always_fails_is_model_unreachable(trial: Trial) -> None:
    await _gives_up(trial, 500, Reason.MODEL_UNREACHABLE)


@case
async def a_provider_that_is_away_is_model_unreachable(trial: Trial) -> None:
    await _gives_up(trial, 503, Reason.MODEL_UNREACHABLE)


@quick_case
async def a_pause_that_is_longer_than_its_patience_is_quota(trial: Trial) -> None:
    step = Step(status=429, text="wait until Monday", headers={"Retry-After": "3600"})
    await _fails(trial, step, reason=Reason.QUOTA, tells="wait until Monday")
    demand(len(trial.asked), 1, "the number of requests")


@case
async def a_gateway_where_nobody_listens_is_model_unreachable(trial: Trial) -> None:
    job = replace(_hasty(trial), gateway=f"http://127.0.0.1:{free_port()}/v1")
    await _fails(trial, reason=Reason.MODEL_UNREACHABLE, tells="onnect", job=job)


@case
async def a_model_that_says_nothing_is_model_unreachable(trial: Trial) -> None:
    await _fails(trial, Step(then="hang", until=0), reason=Reason.MODEL_UNREACHABLE, job=_hasty(trial))


@case
async def a_model_that_falls_silent_in_mid_answer_is_model_unreachable(trial: Trial) -> None:
    await _fails(trial, _broken(trial, "hang"), reason=Reason.MODEL_UNREACHABLE, job=_hasty(trial))


@quick_case
async def an_answer_that_is_cut_off_is_never_applied(trial: Trial) -> None:
    await _fails(trial, _broken(trial, "cut"), reason=Reason.MODEL_UNREACHABLE, job=_hasty(trial))


@quick_case
async def an_answer_that_runs_into_its_output_limit_is_never_applied(trial: Trial) -> None:
    first, *_ = trial.change({"hello.py": FRIENDLY})
    await _fails(trial, trial.dialect.cut_short(first), reason=Reason.BAD_OUTPUT, tells="output limit")


@case
async def answers_that_cannot_be_used_are_bad_output_or_stuck(trial: Trial) -> None:
    trial.script(trial.dialect.malformed())
    last = await trial.run()
    demand(last.data["reason"] in (Reason.BAD_OUTPUT, Reason.AGENT_STUCK), True, f"whether {last.data} says so")
    demand(trial.changed(), set(), "all that changed")


def _broken(trial: Trial, then: Literal["hang", "cut", "error"], code: str | None = None) -> Step:
    """The first answer of an edit that has more to say and breaks off just before its end."""
    first, *_ = trial.change({"hello.py": FRIENDLY})
    return replace(first, text=first.text + MORE, until=0.9, then=then, code=code)
