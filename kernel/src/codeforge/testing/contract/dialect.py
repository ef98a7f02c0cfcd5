"""How a scripted model makes one kind of agent do things."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace

from codeforge.testing.model_server import Seen
from codeforge.testing.steps import Step


class Dialect(ABC):
    """One per kind of agent. Each method gives the model's answers, one after the other.

    None says that this kind of agent cannot do that at all: the cases about it are skipped, and say so.
    """

    patience = 1.0
    """Seconds within which the agent asks a model that fails at least twice."""

    @abstractmethod
    def change(self, files: Mapping[str, str | None], before: Mapping[str, str]) -> Sequence[Step] | None:
        """Write each file with that text, delete those with None, and end well. ``before`` are those that exist."""

    @abstractmethod
    def malformed(self) -> Sequence[Step]:
        """Answers that the agent cannot use, the last one for ever."""

    def cut_short(self, step: Step) -> Step:
        """The same answer, as it is where it runs into its output limit."""
        return replace(step, text=f"{step.text}More", finish="length")

    def shell(self, command: str) -> Sequence[Step] | None:
        """Run ``command`` and end well."""
        return None

    def aside(self, seen: Seen) -> Step | None:
        """The answer to a request that is no step of the work, such as for a title; None where it is one."""
        return None

    def on_and_on(self) -> Sequence[Step] | None:
        """Answers that keep the agent at work for ever, without repeating itself: the last one is given again."""
        return None
