"""opencode keeps the contract of every agent."""

import asyncio

import pytest

from codeforge import Settings, Unavailable
from codeforge.testing import agents_dir
from codeforge.testing.contract import AgentContract
from codeforge_agents_acp import register_agents


@pytest.fixture(scope="module")
def installed():
    """opencode, installed once; where it cannot be, the tests say what is missing."""
    [opencode] = register_agents(Settings(agents_dir=agents_dir()))
    try:
        asyncio.run(opencode.install(print))
    except Unavailable as error:
        pytest.skip(str(error))
    return opencode


@pytest.mark.slow
class TestOpencode(AgentContract):
    @pytest.fixture
    def agent(self, installed):
        return installed

    @pytest.fixture
    def dialect(self, installed):
        return installed.dialect()
