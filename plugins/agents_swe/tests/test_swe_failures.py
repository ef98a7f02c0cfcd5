"""Each way in which a model fails ends the run with its own reason and a sentence, and half an answer is never run."""

import pytest

from codeforge import Limits, Reason
from codeforge.testing import Step, free_port
from codeforge_agents_swe.dialect import bash

slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, Reason.MODEL_AUTH),
        (402, Reason.BUDGET),
        pytest.param(404, Reason.MODEL_REFUSED, marks=slow),
        pytest.param(403, Reason.MODEL_AUTH, marks=slow),
        pytest.param(400, Reason.MODEL_REFUSED, marks=slow),
    ],
)
async def test_a_refusal_ends_the_run_at_once_with_its_own_reason(swe, desk, models, status, reason):
    models.script("m", [Step(status=status, text=f"no, said with {desk.KEY}")])
    last = await desk.run(swe, desk.job())
    assert last.data["reason"] == reason
    assert f"({status}): no, said with [key]" in last.data["detail"]
    assert len(models.requests) == 1


async def test_a_failing_model_is_asked_again_and_that_is_no_step(swe, desk, models, dialect):
    failing = [Step(status=429), Step(status=503), Step(text="I will", then="cut", until=0.5)]
    models.script("m", [*failing, *dialect.change({"hello.py": desk.FRIENDLY})])
    last = await desk.run(swe, desk.job(limits=Limits(steps=2)))
    assert last.data["outcome"] == "done"
    assert desk.read("hello.py") == desk.FRIENDLY
    assert len(models.requests) == 5


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("fail-500", Reason.MODEL_UNREACHABLE),
        pytest.param("fail-429", Reason.QUOTA, marks=slow),
        pytest.param("hang", Reason.MODEL_UNREACHABLE, marks=slow),
        pytest.param("hang-midway", Reason.MODEL_UNREACHABLE, marks=slow),
        pytest.param("cut", Reason.MODEL_UNREACHABLE, marks=slow),
    ],
)
async def test_patience_with_a_failing_model_ends(swe, desk, models, model, reason):
    last = await desk.run(swe, desk.hasty(model))
    assert last.data["reason"] == reason
    assert len(models.requests) <= 6


@slow
async def test_a_gateway_that_nobody_listens_at_is_unreachable(swe, desk):
    last = await desk.run(swe, desk.hasty(gateway=f"http://127.0.0.1:{free_port()}/v1"))
    assert last.data["reason"] == Reason.MODEL_UNREACHABLE
    assert "refused" in last.data["detail"]


async def test_answers_without_a_usable_command_are_bad_output(swe, desk, models, dialect):
    models.script("m", dialect.malformed())
    last = await desk.run(swe, desk.job())
    assert last.data["reason"] == Reason.BAD_OUTPUT
    assert "Unknown tool 'edit'" in last.data["detail"]
    assert len(models.requests) == 3


@pytest.mark.parametrize("arguments", [{"command": ["ls"]}, {}, pytest.param({"command": None}, marks=slow)])
async def test_one_answer_that_cannot_be_used_is_sent_back(swe, desk, models, dialect, arguments):
    models.script("m", [Step(tools=[("bash", arguments)]), *dialect.change({"hello.py": desk.FRIENDLY})])
    last = await desk.run(swe, desk.job())
    assert last.data["outcome"] == "done"
    assert "<error>" in models.requests[1].body["messages"][-1]["content"]


async def test_an_answer_cut_off_at_its_output_limit_is_never_run(swe, desk, models):
    models.script("m", [Step(tools=[("bash", {"command": "touch half"})], finish="length")])
    last = await desk.run(swe, desk.job())
    assert last.data["reason"] == Reason.BAD_OUTPUT
    assert "output limit" in last.data["detail"]
    assert desk.changed() == []


async def test_an_empty_answer_is_bad_output(swe, desk):
    last = await desk.run(swe, desk.job("empty"))
    assert last.data["reason"] == Reason.BAD_OUTPUT


async def test_an_agent_that_is_killed_by_its_own_command_is_an_agent_error(swe, desk, models, dialect):
    models.script("m", [bash("kill -9 $PPID")])
    job = desk.job()
    last = await desk.run(swe, job)
    assert last.data["reason"] == Reason.AGENT_ERROR
    assert "exit code 137" in last.data["detail"]
    assert not desk.alive(job)
