"""OpenHands keeps the contract of every agent."""

import pytest

from codeforge.testing.contract import CASES, AgentContract


class TestOpenHands(AgentContract):
    longer = (pytest.mark.slow,)

    @pytest.fixture
    def agent(self, openhands):
        return openhands

    @pytest.fixture
    def dialect(self, openhands):
        return openhands.dialect()


@pytest.mark.slow
class TestStartedCold(TestOpenHands):
    cases = tuple(case for case in CASES if case.topic == "stops")

    @pytest.fixture
    def agent(self, cold):
        return cold
