"""The agent offer: what a back end implements to put an agent to work in a workspace."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from codeforge.events import AgentEvent
from codeforge.llm import Model
from codeforge.model import Choice, Health, Limits

if TYPE_CHECKING:
    from codeforge.testing.contract import Dialect

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
    ``call_timeout``: seconds for which the model may be silent. ``patience``: seconds during which a model that fails
    (no connection, 429, 5xx) is asked again. ``ask`` is for an agent that asks before it does something: the
    project's setting answers, or a person does, which may take long; the question and its answer stand in the
    run's history.
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
    call_timeout: float = 300.0
    patience: float = 60.0
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

    def dialect(self) -> Dialect | None:
        """How a scripted model makes this agent do things, for ``codeforge agents check NAME --contract``."""
        return None

    def readable(self) -> Iterable[Path]:
        """What its processes read beside the system's programs and the folder of agents' environments, for sandboxes
        that show nothing else. By default the package that this class is in.
        """
        module = sys.modules.get(type(self).__module__)
        if module and module.__file__:
            file = Path(module.__file__)
            yield file.parent if module.__package__ else file

    def installed_in(self) -> Path | None:
        """The folder that `install` fills, for people to see its size; None where it fills none."""
        return None

    def remembers(self, state: Path) -> bool:
        """Whether the conversation of the turns before is in ``state``, so that a later turn goes on in it.

        Override it where the agent keeps one. Where it is not there, CodeForge tells a later turn what was said
        before, ahead of its prompt. ``remembers = None`` in a class says that its agent takes one turn and no more.
        """
        return False

    async def steer(self, job: AgentJob, words: str) -> bool:
        """Tell the agent ``words`` in the middle of its turn ``job``; gives whether it has them.

        Override it where the agent listens while it works; return once it has read them, or False when the turn is
        over before. What it was not told, by default everything, is the prompt of its next turn.
        """
        return False

    @abstractmethod
    def run(self, job: AgentJob) -> AsyncGenerator[AgentEvent, None]:
        """Work on ``job``, yielding events; the last one is ``ended``. Write it as ``async def`` with ``yield``.

        Start whatever it starts by `codeforge.process.Process`: that is where the run's sandbox is. Cancelled by
        cancelling the iteration: nothing the agent started may then be left running, which `Process` sees to as well.
        Anything raised ends the run as ``agent_error``; raise `RunFailure` to give another reason.
        """
