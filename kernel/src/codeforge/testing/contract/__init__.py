"""What every agent back end is to do: a suite of cases that ours run on themselves, and any other may, too.

With pytest, subclass `AgentContract`; from the command line, ``codeforge agents check NAME --contract``.
"""

from typing import TYPE_CHECKING, Any

from codeforge.testing.contract import edits, failures, hostile, limits, stops  # for their cases
from codeforge.testing.contract.case import CASES, Case, Result, Skipped, examine
from codeforge.testing.contract.dialect import Dialect
from codeforge.testing.contract.trial import Trial

if TYPE_CHECKING:
    from codeforge.testing.contract.suite import AgentContract as AgentContract

__all__ = ["CASES", "TOPICS", "AgentContract", "Case", "Dialect", "Result", "Skipped", "Trial", "examine"]

TOPICS = (edits, failures, limits, stops, hostile)


def __getattr__(name: str) -> Any:
    if name == "AgentContract":  # where pytest is not installed, the rest works
        from codeforge.testing.contract.suite import AgentContract

        return AgentContract
    raise AttributeError(f"module 'codeforge.testing.contract' has no attribute {name!r}")
