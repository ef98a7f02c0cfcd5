"""The agent offer: what a back end implements to put an agent to work in a workspace."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from codeforge.events import AgentEvent
from codeforge.llm import Model
from codeforge.model import Health, Limits

Say = Callable[[str], None]
"""Tells a person what is going on, a short line at a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentJob:
    """One turn of work for an agent.

    ``workspace`` is the checkout to change. ``home`` is an empty private folder to use as HOME. ``state`` is a
    private folder that is kept between the turns of one task: what a back end leaves there (its conversation)
    is there again when ``follow_up`` is true. ``gateway`` is an OpenAI-compatible base URL (".../llm/v1") and
    ``key`` the run's own key for it, the only secret an agent ever holds. ``mark`` belongs into the
    environment of whatever is started for this job: by it a later life of the worker finds what was left.
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

    def readable(self) -> Iterable[Path]:
        """What its processes read beside the system's programs and the folder of agents' environments, for sandboxes
        that show nothing else. By default the package that this class is in.
        """
        module = sys.modules.get(type(self).__module__)
        if module and module.__file__:
            file = Path(module.__file__)
            yield file.parent if module.__package__ else file

    @abstractmethod
    def run(self, job: AgentJob) -> AsyncGenerator[AgentEvent, None]:
        """Work on ``job``, yielding events; the last one is ``ended``. Write it as ``async def`` with ``yield``.

        Start whatever it starts by `codeforge.process.Process`: that is where the run's sandbox is. Cancelled by
        cancelling the iteration: nothing the agent started may then be left running, which `Process` sees to as well.
        Anything raised ends the run as ``agent_error``; raise `RunFailure` to give another reason.
        """
