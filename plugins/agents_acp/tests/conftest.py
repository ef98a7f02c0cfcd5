"""A workspace with a repository, a scripted model server, and agents to work in it."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codeforge.testing import ScriptedModels
from codeforge_agents_acp import AcpAgent, AcpSettings, Agent

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # what the tests share lies beside them
from acp_desk import AcpDesk  # noqa: E402

ENV = {"GATEWAY": "{gateway}", "KEY": "{key}", "MODEL": "{model}", "STATE": "{state}"}


@pytest.fixture
def plain(tmp_path):
    """Makes an agent that does as its prompt says, with these arguments."""

    def make(*arguments: str, auth: str = "", **settings: float) -> AcpAgent:
        agent = Agent(command=[sys.executable, str(HERE / "plain_agent.py"), *arguments], env=ENV, auth=auth)
        return AcpAgent("plain", agent, home=tmp_path / "agents", settings=AcpSettings(**settings))

    return make


@pytest.fixture
async def models() -> AsyncIterator[ScriptedModels]:
    async with ScriptedModels() as server:
        yield server


@pytest.fixture
def desk(tmp_path: Path, models: ScriptedModels) -> AcpDesk:
    return AcpDesk.with_sample(tmp_path, models.url)
