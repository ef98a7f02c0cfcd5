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


BREAKS = {
    "a prompt beyond the window is model refused": "opencode shortens the conversation and asks again and again",
    "endless output of a command costs little": "opencode keeps all of a command's output while it runs",
    "a background process does not hold it up": "opencode waits until nobody holds a command's output open",
}
"""What opencode itself does otherwise, and nobody can better from outside."""


@pytest.mark.slow
class TestOpencode(AgentContract):
    @pytest.fixture(autouse=True)
    def known(self, request, case):
        if why := BREAKS.get(case.name):
            request.applymarker(pytest.mark.xfail(reason=why, run=False))

    @pytest.fixture
    def agent(self, installed):
        return installed

    @pytest.fixture
    def dialect(self, installed):
        return installed.dialect()
