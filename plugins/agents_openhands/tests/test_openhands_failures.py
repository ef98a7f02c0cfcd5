"""Answers that OpenHands cannot use: never acted upon, sent back where that helps, bad output in the end."""

import pytest

from codeforge import Reason
from codeforge.testing import Step


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


@pytest.mark.slow
async def test_an_answer_that_says_and_does_nothing_is_bad_output_in_the_end(openhands, desk, models):
    last = await desk.run(openhands, desk.job("empty"))
    assert last.data["reason"] == Reason.BAD_OUTPUT
