"""Aider keeps the contract of every agent."""

import pytest

from codeforge.testing.contract import AgentContract


@pytest.mark.slow
class TestAider(AgentContract):
    @pytest.fixture
    def agent(self, aider):
        return aider

    @pytest.fixture
    def dialect(self, aider):
        return aider.dialect()
