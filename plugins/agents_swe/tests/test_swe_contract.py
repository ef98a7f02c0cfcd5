"""SWE-agent keeps the contract of every agent."""

import pytest

from codeforge.testing.contract import AgentContract


class TestSwe(AgentContract):
    longer = (pytest.mark.slow,)

    @pytest.fixture
    def agent(self, swe):
        return swe

    @pytest.fixture
    def dialect(self, swe):
        return swe.dialect()
