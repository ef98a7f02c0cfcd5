"""Every way in which a model can fail, told apart; half an answer is never acted upon."""

import pytest

from codeforge import Reason
from codeforge.testing import Step, free_port

slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, Reason.MODEL_AUTH),
        (402, Reason.BUDGET),
        (400, Reason.MODEL_REFUSED),
        pytest.param(403, Reason.MODEL_AUTH, marks=slow),
        pytest.param(404, Reason.MODEL_REFUSED, marks=slow),
        pytest.param(409, Reason.MODEL_REFUSED, marks=slow),
        pytest.param(422, Reason.MODEL_REFUSED, marks=slow),
    ],
)
async def test_a_refusal_ends_the_run_at_once_with_its_own_reason(openhands, desk, models, status, reason):
    models.script("m", [Step(status=status, text=f"no, said with {desk.KEY}")])
    last = await desk.run(openhands, desk.job())
    assert last.data["reason"] == reason
    assert f"({status}): no, said with [key]" in last.data["detail"]
    assert len(models.requests) == 1


@pytest.mark.parametrize("status", [429, pytest.param(500, marks=slow), pytest.param(503, marks=slow)])
async def test_a_failing_model_is_asked_again_and_that_is_no_step(openhands, desk, models, say, status):
    models.script("m", [Step(status=status)] * 2 + list(say.finish()))
    last = await desk.run(openhands, desk.job())
    assert last.data["outcome"] == "done"
    assert len(models.requests) == 3


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (429, Reason.QUOTA),
        (500, Reason.MODEL_UNREACHABLE),
        pytest.param(503, Reason.MODEL_UNREACHABLE, marks=slow),
    ],
)
async def test_patience_with_a_failing_model_ends(openhands, desk, models, status, reason):
    last = await desk.run(openhands, desk.hasty(f"fail-{status}"))
    assert last.data["reason"] == reason
    assert f"({status}): scripted {status}" in last.data["detail"]
    assert 2 <= len(models.requests) <= 6


async def test_a_pause_that_the_provider_asks_for_may_be_too_long(openhands, desk, models):
    models.script("m", [Step(status=429, text="wait until Monday", headers={"Retry-After": "3600"})])
    last = await desk.run(openhands, desk.job())
    assert last.data["reason"] == Reason.QUOTA
    assert len(models.requests) == 1


async def test_a_gateway_that_nobody_listens_at_is_unreachable(openhands, desk):
    last = await desk.run(openhands, desk.hasty(gateway=f"http://127.0.0.1:{free_port()}/v1"))
    assert last.data["reason"] == Reason.MODEL_UNREACHABLE
    assert "refused" in last.data["detail"]


@pytest.mark.parametrize("model", ["hang", pytest.param("hang-midway", marks=slow), pytest.param("cut", marks=slow)])
@pytest.mark.slow
async def test_a_model_that_falls_silent_or_breaks_off_is_unreachable(openhands, desk, model):
    last = await desk.run(openhands, desk.hasty(model))
    assert last.data["reason"] == Reason.MODEL_UNREACHABLE


async def test_a_budget_that_ends_in_mid_answer_ends_the_run(openhands, desk, models):
    models.script("m", [Step(text="I will think. " * 20, until=0.9, then="error", code="budget_exceeded")])
    last = await desk.run(openhands, desk.job())
    assert last.data["reason"] == Reason.BUDGET
    assert len(models.requests) == 1


async def test_calls_of_an_answer_that_was_cut_are_not_made(openhands, desk, models, say):
    work, _ = say.shell("touch pwned")
    cut = Step(text="More", tools=work.tools, finish="length")
    models.script("m", [cut, *say.finish()])
    assert (await desk.run(openhands, desk.job())).data["outcome"] == "done"
    assert "cut off at its output limit" in models.requests[-1].text
    last = await desk.run(openhands, desk.job("length"))
    assert last.data["reason"] == Reason.BAD_OUTPUT
    assert "output limit" in last.data["detail"]
    assert desk.changed() == []


async def test_calls_that_cannot_be_read_are_bad_output_in_the_end(openhands, desk, models, say):
    models.script("m", say.malformed())
    last = await desk.run(openhands, desk.job())
    assert last.data["reason"] == Reason.BAD_OUTPUT
    assert "no_such_tool" in last.data["detail"]


async def test_a_call_that_cannot_be_read_once_is_told_to_the_model(openhands, desk, models, say):
    models.script("m", [*say.malformed(), Step(tools=[("file_editor", {"path": 3})]), *say.finish()])
    last = await desk.run(openhands, desk.job())
    assert last.data["outcome"] == "done"
    assert "no_such_tool" in models.requests[1].text


@slow
async def test_an_answer_that_says_and_does_nothing_is_bad_output_in_the_end(openhands, desk, models):
    last = await desk.run(openhands, desk.job("empty"))
    assert last.data["reason"] == Reason.BAD_OUTPUT


@slow
async def test_a_prompt_beyond_the_window_is_the_provider_s_to_refuse(openhands, desk):
    last = await desk.run(openhands, desk.job("context"))
    assert last.data["reason"] == Reason.MODEL_REFUSED
    assert "maximum context length" in last.data["detail"]


@slow
async def test_a_prompt_of_a_megabyte_goes_through(openhands, desk, models, say):
    models.script("m", say.finish())
    last = await desk.run(openhands, desk.job(prompt="Make greet() friendlier. " + "wörd " * 200_000))
    assert last.data["outcome"] == "done"
