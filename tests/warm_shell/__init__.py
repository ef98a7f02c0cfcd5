"""A plugin: the agent "warm_shell", whose runs are forks of one parent. A Python file it runs in the fork itself."""

import sys
from pathlib import Path

from codeforge import AgentJob, Health, hookimpl
from codeforge.runners.backend import RunnerAgent
from codeforge.runners.environment import Recipe


class WarmShell(RunnerAgent):
    """``python`` is the one that it runs on."""

    recipe = Recipe(
        name="warm_shell", title="Warm shell", version="1", lock=Path(__file__), pythons=((3, 10), (3, 14)),
        fetched="nothing", warm="",
    )  # fmt: skip
    runner = Path(__file__).parent / "runner" / "shell_job"

    async def check(self) -> Health:
        return Health(name=self.name, ok=True, detail="It is here.")

    async def launcher(self, job: AgentJob) -> list[str]:
        return self._python()

    def _python(self) -> list[str]:
        return [sys.executable, "-I", "-X", "utf8"]


@hookimpl
def register_agents(settings):
    return [WarmShell(home=settings.agents_home / "warm_shell", warm=settings.warm_agents)]
