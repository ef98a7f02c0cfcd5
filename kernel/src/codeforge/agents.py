"""The agent offer: what a back end implements to put an agent to work in a workspace."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from codeforge.events import AgentEvent
from codeforge.llm import Model
from codeforge.model import Choice, Health, Limits

Say = Callable[[str], None]
"""Tells a person what is going on, a short line at a time."""
Ask = Callable[[str, Sequence[Choice]], Awaitable[str | None]]
"""Asks for leave: gives the id of the choice that was taken, or None, which is no leave."""


async def nobody(question: str, choices: Sequence[Choice]) -> str | None:
    """Refuses what it can."""
    return next((choice.id for choice in choices if not choice.allows), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentJob:
    """One turn of work for an agent.

    ``workspace`` is the checkout to change. ``home`` is an empty private folder to use as HOME. ``state`` is a
    private folder that is kept between the turns of one task: what a back end leaves there (its conversation)
    is there again when ``follow_up`` is true. ``gateway`` is an OpenAI-compatible base URL (".../llm/v1") and
    ``key`` the run's own key for it, the only secret an agent ever holds. ``mark`` belongs into the
    environment of whatever is started for this job: by it a later life of the worker finds what was left.
    ``ask`` is for an agent that asks before it does something: the project's setting answers, or a person does,
    which may take long; the question and its answer stand in the run's history.
    """

    run_id: str
    prompt: str
    workspace: Path
    home: Path
    state: Path
    model: Model
    gateway: str
    key: str = field(repr=False)
    limits: Limits = field(default_factory=Limits)
    follow_up: bool = False
    mark: Mapping[str, str] = field(default_factory=dict)
    ask: Ask = nobody


class AgentBackend(ABC):
    """One kind of agent. Optional abilities are overridden methods, never flags."""

    name: str

    async def check(self) -> Health:
        """Whether the agent can run here: installed, which version, what is missing and how to get it."""
        return Health(name=self.name, ok=True, detail="ready")

    async def install(self, say: Say) -> None:
        """Make the agent's own environment, telling progress. Raises `Unavailable` when that is impossible.

        Installing again is cheap when everything is there.
        """

    @abstractmethod
    def run(self, job: AgentJob) -> AsyncGenerator[AgentEvent, None]:
        """Work on ``job``, yielding events; the last one is ``ended``. Write it as ``async def`` with ``yield``.

        Cancelled by cancelling the iteration: nothing the agent started may then be left running (see
        `codeforge.process.Process`, which sees to it). Anything raised ends the run as ``agent_error``;
        raise `RunFailure` to give another reason.
        """
