"""How Aider's model fails, beside what the contract proves: why it does not answer, and edits that do not fit."""

import pytest

from codeforge import Reason
from codeforge.testing import free_port, search_replace

NOWHERE = f"http://127.0.0.1:{free_port()}/v1"


@pytest.mark.parametrize(
    ("model", "more", "words"),
    [
        ("hang", {}, "no word from the model for 1 s"),
        ("hang-midway", {}, "no word from the model for 1 s"),
        ("m", {"gateway": NOWHERE}, "refused"),
    ],
)
async def test_why_a_model_does_not_answer_is_told(aider, desk, model, more, words):
    last = await desk.run(aider, desk.hasty(model, **more))
    assert last.data["reason"] == Reason.MODEL_UNREACHABLE
    assert words in last.data["detail"]


async def test_edits_that_never_fit_are_bad_output(aider, desk, models):
    models.script("m", [search_replace("hello.py", "def nothing():\n", "def x():\n")])
    last = await desk.run(aider, desk.job())
    assert last.data["reason"] == Reason.BAD_OUTPUT
    assert "could not be applied" in last.data["detail"]
    assert len(models.requests) == 4
    assert desk.changed() == []


@pytest.mark.slow
async def test_an_edit_block_without_a_file_name_is_bad_output(aider, desk, models):
    models.script("m", ["`done`\n<<<<<<< SEARCH\n=======\ndone\n>>>>>>> REPLACE\n"])
    last = await desk.run(aider, desk.job())
    assert last.data["reason"] == Reason.BAD_OUTPUT
