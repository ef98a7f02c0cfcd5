"""An agent that is written with the protocol's own library."""

import sys
from pathlib import Path

import pytest

from codeforge import Kind
from codeforge_agents_acp import AcpAgent, Agent


@pytest.fixture
def example(tmp_path):
    command = [sys.executable, str(Path(__file__).with_name("example_agent.py"))]
    return AcpAgent("example", Agent(command=command), home=tmp_path)


async def test_it_asks_writes_and_reads(example, desk):
    desk.answer = "Allow once"
    last = await desk.run(example, desk.job("Write something."))
    assert last.data == {"outcome": "done", "reason": None, "detail": ""}
    assert desk.texts(Kind.SAID) == ["I was told: Write something.", "It holds 'hello\\n'."]
    assert desk.questions == [("Edit: Write example.txt", ["Allow once", "Refuse"])]
    assert desk.texts(Kind.EDITED) == ["example.txt"]
    assert desk.read("example.txt") == "hello\n"


async def test_it_goes_without_what_it_may_not_do(example, desk):
    desk.answer = "Refuse"
    last = await desk.run(example, desk.job("Write something."))
    assert (last.data["outcome"], desk.texts(Kind.SAID)[-1], desk.changed()) == ("done", "I may not.", [])
