"""Answers that the agent cannot use end the run, or are sent back; so does an end of its own making."""

import pytest

from codeforge import Reason
from codeforge.testing import Step
from codeforge_agents_swe.dialect import bash


async def test_answers_without_a_usable_command_are_bad_output(swe, desk, models, dialect):
    models.script("m", dialect.malformed())
    last = await desk.run(swe, desk.job())
    assert last.data["reason"] == Reason.BAD_OUTPUT
    assert "Unknown tool 'edit'" in last.data["detail"]
    assert len(models.requests) == 3


@pytest.mark.parametrize(
    "arguments", [{"command": ["ls"]}, {}, pytest.param({"command": None}, marks=pytest.mark.slow)]
)
async def test_one_answer_that_cannot_be_used_is_sent_back(swe, desk, models, dialect, arguments):
    models.script("m", [Step(tools=[("bash", arguments)]), *dialect.change({"hello.py": desk.FRIENDLY})])
    last = await desk.run(swe, desk.job())
    assert last.data["outcome"] == "done"
    assert "<error>" in models.requests[1].body["messages"][-1]["content"]


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
