"""An agent that does nothing, and whoever wants to know when it began: what is left is CodeForge's own cost."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from codeforge import AgentBackend, AgentEvent, AgentJob, hookimpl
from codeforge.events import ended
from codeforge.testing import StandIns


class Noop(AgentBackend):
    """``began`` are the moments (perf_counter) in which it was asked to run, by prompt."""

    name = "noop"

    def __init__(self) -> None:
        self.began: dict[str, float] = {}

    async def run(self, job: AgentJob) -> AsyncIterator[AgentEvent]:
        self.began[job.prompt] = time.perf_counter()
        yield ended()


class WithNoop(StandIns):
    """The stand-ins, with this agent."""

    def __init__(self) -> None:
        self.noop = Noop()

    @hookimpl
    def register_agents(self) -> list[AgentBackend]:
        return [self.noop]
