"""The contract of every agent catches those that do not keep it, and says in words what they did."""

import os
import subprocess

import aiohttp
import pytest

from codeforge import AgentBackend, Reason, ended, said, usage
from codeforge.testing import Step
from codeforge.testing.contract import CASES, Dialect, examine

BY_NAME = {case.name: case for case in CASES}


class Writing(Dialect):
    """The agents of this page write whatever the model says into hello.py."""

    def change(self, files, before):
        return [Step(text=files["hello.py"])] if set(files) == {"hello.py"} else None

    def malformed(self):
        return [Step(text="")]


class Careless(AgentBackend):
    """Asks once, applies what it got so far, tells its key, and leaves a process behind."""

    name = "careless"

    def __init__(self):
        self.left = []

    async def run(self, job):
        self.left.append(subprocess.Popen(["sleep", "60"], env={**os.environ, **job.mark}))
        body = {"model": job.model.name, "messages": [{"role": "user", "content": job.prompt}]}
        headers = {"Authorization": f"Bearer {job.key}"}
        yield said(f"I work with {job.key}")
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{job.gateway}/chat/completions", json=body, headers=headers) as answer,
        ):
            reply = await answer.json()
            if answer.status != 200:
                yield ended(Reason.AGENT_ERROR, "it failed")
                return
            (job.workspace / "hello.py").write_text(reply["choices"][0]["message"]["content"])
        yield usage(1, 1)
        yield ended()


@pytest.fixture
def careless():
    agent = Careless()
    yield agent
    for left in agent.left:
        left.kill()
        left.wait()


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("an edit is made told and counted and nothing else is left", "whether the edit was told is False"),
        ("tokens are those that the gateway counts", "the tokens that it told of is (1, 1), wanted (1000, 10)"),
        ("a refused key is model auth", "wanted <Reason.MODEL_AUTH"),
        ("a spent budget is budget", "wanted <Reason.BUDGET"),
        ("what the model says of the key is concealed", "whether an event holds the key is True"),
        ("leaving the iteration stops it", "what is left alive is ['sleep 60'"),
    ],
)
async def test_an_agent_that_breaks_the_contract_is_caught(careless, case, words):
    told = []
    [result] = await examine(careless, Writing(), [BY_NAME[case]], told=told.append)
    assert told == [result]
    assert (result.verdict, words in result.words) == ("fails", True), result


async def test_what_an_agent_cannot_do_is_skipped_and_said(careless):
    names = ("files are made deleted and renamed", "commits of its own are kept")
    results = await examine(careless, Writing(), [BY_NAME[name] for name in names], told=lambda _: None)
    assert [(one.verdict, one.words) for one in results] == [
        ("skipped", "it does not delete files"),
        ("skipped", "it does not run commands"),
    ]
