"""How a scripted model makes one kind of agent do things."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from codeforge.testing.model_server import Seen
from codeforge.testing.steps import Step


class Dialect(ABC):
    """One per kind of agent. Each method gives the model's answers, one after the other.

    None says that this kind of agent cannot do that at all: the cases about it are skipped, and say so.
    """

    @abstractmethod
    def change(self, files: Mapping[str, str | None], before: Mapping[str, str]) -> Sequence[Step] | None:
        """Write each file with that text, delete those with None, and end well. ``before`` are those that exist."""

    @abstractmethod
    def malformed(self) -> Sequence[Step]:
        """Answers that the agent cannot use, the last one for ever."""

    def shell(self, command: str) -> Sequence[Step] | None:
        """Run ``command`` and end well."""
        return None

    def aside(self, seen: Seen) -> Step | None:
        """The answer to a request that is no step of the work, such as for a title; None where it is one."""
        return None

    def on_and_on(self) -> Sequence[Step] | None:
        """Answers that keep the agent at work for ever, without repeating itself: the last one is given again."""
        return None
