"""The contract as a test class: subclass it, give ``agent`` and ``dialect`` as fixtures, and it is yours to pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from codeforge.agents import AgentBackend
from codeforge.testing.contract.case import CASE_SECONDS, CASES, Case, Skipped
from codeforge.testing.contract.dialect import Dialect
from codeforge.testing.contract.trial import trial


class AgentContract:
    """Each case of the contract is one test. The agent has to be installed before."""

    @pytest.mark.timeout(CASE_SECONDS)
    @pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
    async def test_contract(self, case: Case, agent: AgentBackend, dialect: Dialect, tmp_path: Path) -> None:
        async with trial(agent, dialect, tmp_path) as given:
            try:
                await case.prove(given)
            except Skipped as skipped:
                pytest.skip(str(skipped))
