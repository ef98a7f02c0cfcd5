"""A plugin for tests: an agent that runs its prompt as a shell script, and a model that nobody calls."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from pathlib import Path

from codeforge.agents import AgentBackend, AgentJob
from codeforge.events import AgentEvent, ended, ran, said
from codeforge.forge import Forge
from codeforge.hooks import hookimpl
from codeforge.llm import Llm, Model
from codeforge.model import Choice, Reason
from codeforge.process import Process

ASKS = "asks: "
CHOICES = Choice("once", "Allow once", allows=True), Choice("never", "Refuse", allows=False)


class ShellAgent(AgentBackend):
    """Runs the prompt by sh in the workspace; every line is said. The environment holds KEY, GATEWAY and STATE.

    A line ``asks: QUESTION`` asks for leave; the script can `read` the answer, "once" or "never".
    """

    name = "shell"

    def remembers(self, state: Path) -> bool:
        """A script is told no conversation: what it wants to know later it leaves in STATE."""
        return True

    async def run(self, job: AgentJob) -> AsyncGenerator[AgentEvent, None]:
        env = {"PATH": os.environ["PATH"], "HOME": str(job.home), "STATE": str(job.state), **job.mark}
        env |= {"KEY": job.key, "GATEWAY": job.gateway}
        talk = ASKS in job.prompt
        async with Process(["sh", "-c", job.prompt], cwd=job.workspace, env=env, talk=talk) as process:
            async for _, line in process.lines():
                yield said(line)
                if talk and line.startswith(ASKS):
                    answer = await job.ask(line.removeprefix(ASKS), CHOICES)
                    await process.write(f"{answer}\n".encode())
            code = await process.wait()
        yield ran("sh", code)
        yield ended(Reason.AGENT_ERROR, f"exit code {code}") if code else ended()


class NoLlm(Llm):
    """One model named "none" that no gateway serves."""

    name = "none"

    async def models(self, tenant_id: str) -> list[Model]:
        return [Model(name="none", provider="none")]


class StandIns:
    """The plugin object: hand it to `codeforge.boot.house` as ``extra={"stand_ins": StandIns()}``."""

    @hookimpl
    def register_agents(self) -> list[AgentBackend]:
        return [ShellAgent()]

    @hookimpl
    def register_llms(self, forge: Forge) -> list[Llm]:
        return [NoLlm()]


stand_ins = StandIns()
"""What an entry point names: ``stand_ins = "codeforge.testing.stand_ins:stand_ins"``."""
