"""Agents keep their contract within a sandbox, too: OpenHands as forks of its warm parent, Aider from cold."""

import asyncio
from typing import ClassVar

import pytest

from codeforge import Unavailable
from codeforge.testing import InSandbox, agents_dir
from codeforge.testing.contract import CASES, AgentContract
from codeforge_agents_aider import Aider
from codeforge_agents_openhands import OpenHands
from codeforge_sandbox_bubblewrap import Bubblewrap

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sandbox")]


def installed(agent):
    try:
        asyncio.run(agent.install(print))
    except Unavailable as error:
        pytest.skip(str(error))
    return agent


@pytest.fixture(scope="module")
def openhands():
    agent = installed(OpenHands(home=agents_dir() / "openhands", warm=True))
    yield agent
    agent.close()


@pytest.fixture(scope="module")
def aider():
    return installed(Aider(home=agents_dir() / "aider"))


class TestOpenHands(AgentContract):
    @pytest.fixture
    def agent(self, openhands, caplog):
        caplog.set_level("INFO")
        yield InSandbox(openhands, Bubblewrap(), readable=[agents_dir()])
        assert "starts cold" not in caplog.text

    @pytest.fixture
    def dialect(self, openhands):
        return openhands.dialect()


class TestAider(AgentContract):
    # two linked worktrees share a .git, which lies in the first one's folder: no sandbox of the second shows that
    cases: ClassVar = [case for case in CASES if not case.name.startswith("two at once")]

    @pytest.fixture
    def agent(self, aider):
        return InSandbox(aider, Bubblewrap(), readable=[agents_dir()])

    @pytest.fixture
    def dialect(self, aider):
        return aider.dialect()
