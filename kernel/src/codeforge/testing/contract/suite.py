"""The contract as a test class: subclass it, give ``agent`` and ``dialect`` as fixtures, and it is yours to pass."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from codeforge.agents import AgentBackend
from codeforge.testing.contract.case import CASE_SECONDS, CASES, Case, Skipped
from codeforge.testing.contract.dialect import Dialect
from codeforge.testing.contract.trial import trial


class AgentContract:
    """Each case of the contract is one test. The agent has to be installed before.

    ``longer`` are marks for the cases that are not quick, such as ``(pytest.mark.slow,)``.
    """

    cases: ClassVar[Sequence[Case]] = CASES
    longer: ClassVar[Sequence[pytest.MarkDecorator]] = ()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "case" in metafunc.fixturenames:
            given = [
                pytest.param(case, id=case.name.replace(" ", "-"), marks=() if case.quick else self.longer)
                for case in self.cases
            ]
            metafunc.parametrize("case", given)

    @pytest.mark.timeout(CASE_SECONDS)
    async def test_contract(self, case: Case, agent: AgentBackend, dialect: Dialect, tmp_path: Path) -> None:
        async with trial(agent, dialect, tmp_path) as given:
            try:
                await case.prove(given)
            except Skipped as skipped:
                pytest.skip(str(skipped))
