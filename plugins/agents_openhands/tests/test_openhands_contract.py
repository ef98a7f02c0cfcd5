"""OpenHands keeps the contract of every agent."""

import pytest

from codeforge.testing.contract import AgentContract


@pytest.mark.slow
class TestOpenHands(AgentContract):
    @pytest.fixture
    def agent(self, openhands):
        return openhands

    @pytest.fixture
    def dialect(self, openhands):
        return openhands.dialect()
