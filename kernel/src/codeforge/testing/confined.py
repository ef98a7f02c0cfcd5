"""Any agent in a sandbox, without the worker that would put it there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from codeforge.agents import AgentBackend, AgentJob
from codeforge.events import AgentEvent
from codeforge.ids import new_id
from codeforge.process import CONFINED
from codeforge.sandboxes import Bounds, Confinement, Sandbox


class InSandbox(AgentBackend):
    """``agent``, each run of it within ``sandbox``, where it reads what it says and what ``readable`` names."""

    def __init__(
        self, agent: AgentBackend, sandbox: Sandbox, *, readable: Iterable[Path] = (), bounds: Bounds | None = None
    ) -> None:
        self.name = agent.name
        self._agent, self._sandbox = agent, sandbox
        self._readable, self._bounds = (*agent.readable(), *readable), bounds or Bounds()

    async def run(self, job: AgentJob) -> AsyncGenerator[AgentEvent, None]:
        for folder in (job.workspace, job.home, job.state):
            folder.mkdir(parents=True, exist_ok=True)
        confinement = Confinement(
            run_id=job.run_id, folder=job.home.parent / f"sandbox-{new_id()}", workspace=job.workspace.resolve(),
            home=job.home, state=job.state, readable=self._readable, gateway=job.gateway, key=job.key,
            bounds=self._bounds,
        )  # fmt: skip
        async with self._sandbox.enter(confinement) as confined:
            CONFINED.set(confined)
            try:
                async with aclosing(self._agent.run(replace(job, gateway=confined.gateway))) as events:
                    async for event in events:
                        yield event
            finally:
                CONFINED.set(None)
