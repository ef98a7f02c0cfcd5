"""Every way in which a model can fail, told apart; half an answer is never applied."""

import pytest

from codeforge import Kind, Reason
from codeforge.testing import Step, free_port, search_replace

slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, Reason.MODEL_AUTH),
        (409, Reason.MODEL_REFUSED),
        pytest.param(402, Reason.BUDGET, marks=slow),
        pytest.param(403, Reason.MODEL_AUTH, marks=slow),
        pytest.param(404, Reason.MODEL_REFUSED, marks=slow),
        pytest.param(400, Reason.MODEL_REFUSED, marks=slow),
        pytest.param(422, Reason.MODEL_REFUSED, marks=slow),
    ],
)
async def test_a_refusal_ends_the_run_at_once_with_its_own_reason(aider, desk, models, status, reason):
    models.script("m", [Step(status=status, text=f"no, said with {desk.KEY}")])
    last = await desk.run(aider, desk.job())
    assert last.data["reason"] == reason
    assert f"({status}): no, said with [key]" in last.data["detail"]
    assert len(models.requests) == 1


@pytest.mark.parametrize("status", [429, pytest.param(500, marks=slow), pytest.param(503, marks=slow)])
async def test_a_failing_model_is_asked_again(aider, desk, models, status):
    models.script("m", [Step(status=status)] * 2 + [Step(text=desk.EDIT)])
    last = await desk.run(aider, desk.job())
    assert last.data["outcome"] == "done"
    assert desk.read("hello.py") == desk.FRIENDLY
    assert len(models.requests) == 3


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (429, Reason.QUOTA),
        (500, Reason.MODEL_UNREACHABLE),
        pytest.param(503, Reason.MODEL_UNREACHABLE, marks=slow),
    ],
)
async def test_patience_with_a_failing_model_ends(aider, desk, models, status, reason):
    last = await desk.run(aider, desk.hasty(f"fail-{status}"))
    assert last.data["reason"] == reason
    assert f"({status}): scripted {status}" in last.data["detail"]
    assert 2 <= len(models.requests) <= 6


async def test_a_pause_that_the_provider_asks_for_is_kept_or_too_long(aider, desk, models):
    models.script("m", [Step(status=429, text="wait until Monday", headers={"Retry-After": "3600"})])
    last = await desk.run(aider, desk.job())
    assert last.data["reason"] == Reason.QUOTA
    assert "wait until Monday" in last.data["detail"]
    assert len(models.requests) == 1


async def test_a_gateway_that_nobody_listens_at_is_unreachable(aider, desk):
    last = await desk.run(aider, desk.hasty(gateway=f"http://127.0.0.1:{free_port()}/v1"))
    assert last.data["reason"] == Reason.MODEL_UNREACHABLE
    assert "refused" in last.data["detail"]


@pytest.mark.parametrize("model", ["hang", "hang-midway"])
async def test_a_model_that_falls_silent_is_unreachable(aider, desk, model):
    last = await desk.run(aider, desk.hasty(model))
    assert last.data["reason"] == Reason.MODEL_UNREACHABLE
    assert "no word from the model for 1 s" in last.data["detail"]


async def test_half_an_answer_is_never_applied(aider, desk, models):
    whole_block_then_prose = desk.EDIT + "And now the second file, which needs the same. " * 5
    models.script("m", [Step(text=whole_block_then_prose, until=0.9, then="cut")])
    last = await desk.run(aider, desk.hasty())
    assert last.data["reason"] == Reason.MODEL_UNREACHABLE
    assert desk.changed() == []


async def test_a_budget_that_ends_in_mid_answer_ends_the_run(aider, desk, models):
    models.script("m", [Step(text=desk.EDIT * 2, until=0.9, then="error", code="budget_exceeded")])
    last = await desk.run(aider, desk.job())
    assert last.data["reason"] == Reason.BUDGET
    assert desk.changed() == []
    assert len(models.requests) == 1


async def test_a_connection_that_breaks_once_is_taken_up_again(aider, desk, models):
    models.script("m", [Step(text=desk.EDIT, until=0.5, then="cut"), Step(text=desk.EDIT)])
    last = await desk.run(aider, desk.job())
    assert last.data["outcome"] == "done"
    assert desk.read("hello.py") == desk.FRIENDLY


async def test_edits_that_never_fit_are_bad_output(aider, desk, models):
    models.script("m", [search_replace("hello.py", "def nothing():\n", "def x():\n")])
    last = await desk.run(aider, desk.job())
    assert last.data["reason"] == Reason.BAD_OUTPUT
    assert "could not be applied" in last.data["detail"]
    assert len(models.requests) == 4
    assert desk.changed() == []


@slow
async def test_an_edit_block_without_a_file_name_is_bad_output(aider, desk, models):
    models.script("m", ["`done`\n<<<<<<< SEARCH\n=======\ndone\n>>>>>>> REPLACE\n"])
    last = await desk.run(aider, desk.job())
    assert last.data["reason"] == Reason.BAD_OUTPUT


async def test_an_answer_cut_off_at_its_output_limit_is_bad_output_and_not_applied(aider, desk, models):
    models.script("m", [Step(text=desk.EDIT + "More", finish="length")])
    last = await desk.run(aider, desk.job())
    assert last.data["reason"] == Reason.BAD_OUTPUT
    assert "output limit" in last.data["detail"]
    assert desk.changed() == []


@slow
async def test_a_prompt_beyond_the_window_is_the_provider_s_to_refuse(aider, desk):
    last = await desk.run(aider, desk.job("context"))
    assert last.data["reason"] == Reason.MODEL_REFUSED
    assert "maximum context length" in last.data["detail"]


@slow
async def test_a_prompt_of_a_megabyte_goes_through(aider, desk, models):
    last = await desk.run(aider, desk.job(prompt="Make greet() in hello.py friendlier. " + "word " * 200_000))
    assert last.data["outcome"] == "done"
    assert max(len(text) for text in desk.texts(Kind.LOG)) < 4000
