"""Aider keeps the contract of every agent."""

import pytest

from codeforge.testing.contract import AgentContract


class TestAider(AgentContract):
    longer = (pytest.mark.slow,)

    @pytest.fixture
    def agent(self, aider):
        return aider

    @pytest.fixture
    def dialect(self, aider):
        return aider.dialect()
