"""SWE-agent keeps the contract of every agent."""

import pytest

from codeforge.testing.contract import AgentContract


@pytest.mark.slow
class TestSwe(AgentContract):
    @pytest.fixture
    def agent(self, swe):
        return swe

    @pytest.fixture
    def dialect(self, swe):
        return swe.dialect()
