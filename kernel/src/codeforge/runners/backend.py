"""A back end whose agent is a Python program: driven by a runner in the agent's own environment."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import ClassVar

from codeforge.agents import AgentBackend, AgentJob, Say
from codeforge.errors import RunFailure
from codeforge.events import AgentEvent
from codeforge.model import Health, Reason
from codeforge.process import Process
from codeforge.runners.environment import Environment, Recipe
from codeforge.runners.report import Translator
from codeforge.runners.warm import ColdError, WarmParent, WarmProcess

AGENT_SIDE = Path(__file__).with_name("agent_side")
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


class RunnerAgent(AgentBackend):
    """``home`` holds the agent's environments.

    A subclass gives the ``recipe`` of the environment and ``runner``, the folder of a package of the same name whose
    ``work(job, report)`` drives the agent there (see ``agent_side``). ``call_timeout``: seconds for which a model may
    be silent. ``patience``: seconds during which a model that fails (no connection, 429, 5xx) is asked again, with
    growing pauses. ``grace``: seconds to stop by itself. With ``warm`` a parent process is kept that has imported the
    agent, and runs start as its forks; for runners with a module ``warm``, which imports all that a run does.
    """

    recipe: ClassVar[Recipe]
    runner: ClassVar[Path]

    def __init__(
        self,
        *,
        home: Path,
        call_timeout: float = 300.0,
        patience: float = 60.0,
        grace: float = 2.0,
        warm: bool = False,
    ) -> None:
        self.name = self.recipe.name
        self._environment = Environment(home, self.recipe)
        self._call_timeout, self._patience, self._grace = call_timeout, patience, grace
        has_warm = (self.runner / "warm.py").exists()
        self._parent = WarmParent(self._command(), home=home / "nobody") if warm and has_warm else None

    async def check(self) -> Health:
        """Looks for the environment; starts nothing."""
        title, version = self.recipe.title, self.recipe.version
        if self._environment.ready():
            return Health(name=self.name, ok=True, detail=f"{title} {version} is installed.", version=version)
        return Health(name=self.name, ok=False, detail=f"{title} is not installed yet.", fix=self.recipe.install)

    async def install(self, say: Say) -> None:
        """Make the agent's environment. Cancelling leaves nothing running and nothing half made."""
        await self._environment.make(say)

    async def run(self, job: AgentJob) -> AsyncGenerator[AgentEvent, None]:
        if not self._environment.ready():
            detail = f"{self.recipe.title} is not installed: run `{self.recipe.install}`."
            raise RunFailure(Reason.PLUGIN_MISSING, detail)
        translator = Translator(job, self.recipe.title)
        try:
            async with self._process(job) as process:
                async for stream, line in process.lines():
                    if event := translator.event(stream, line):
                        yield event
                code = await process.wait()
        finally:
            for lock in (job.workspace / ".git").glob("*.lock"):  # a git that was killed leaves it
                lock.unlink(missing_ok=True)
        yield translator.ended(code)

    def close(self) -> None:
        """End the warm parent, if there is one; it ends by itself with this process."""
        if self._parent:
            self._parent.close()

    @asynccontextmanager
    async def _process(self, job: AgentJob) -> AsyncIterator[Process]:
        """The runner at work on ``job``: a fork of the warm parent where there is one, else started from cold."""
        cwd, env, stdin, grace = job.workspace, self._env(job), self._stdin(job), self._grace
        async with AsyncExitStack() as stack:
            process: Process | None = None
            if self._parent:
                with suppress(ColdError):
                    warm = WarmProcess(self._parent, cwd=cwd, env=env, stdin=stdin, grace=grace)
                    process = await stack.enter_async_context(warm)
            if process is None:
                cold = Process(self._command(), cwd=cwd, env=env, stdin=stdin, grace=grace)
                process = await stack.enter_async_context(cold)
            yield process

    def _command(self) -> list[str]:
        python, package = str(self._environment.python), self.runner.name
        return [python, "-I", "-X", "utf8", str(AGENT_SIDE), str(self.runner.parent), package]

    def _stdin(self, job: AgentJob) -> bytes:
        """The job for the runner. Standard input alone carries the key: arguments and environments can be read."""
        told = {
            "prompt": job.prompt, "workspace": str(job.workspace.resolve()), "state": str(job.state.resolve()),
            "model": job.model.name, "provider": job.model.provider, "window": job.model.window,
            "max_output": job.model.max_output, "gateway": job.gateway, "key": job.key, "steps": job.limits.steps,
            "seconds": job.limits.seconds, "call_timeout": self._call_timeout, "patience": self._patience,
            "follow_up": job.follow_up, "input_price": job.model.input_price, "output_price": job.model.output_price,
        }  # fmt: skip
        return json.dumps(told).encode()

    def _env(self, job: AgentJob) -> dict[str, str]:
        """All that the agent sees: nothing of the server's environment, nothing of this machine's git settings."""
        job.home.mkdir(parents=True, exist_ok=True)
        job.state.mkdir(parents=True, exist_ok=True)
        config, temporary = job.home / "gitconfig", job.home / "tmp"
        user = f"[user]\n\tname = {self.recipe.title}\n\temail = {self.name}@localhost\n"
        config.write_text(f"{user}[safe]\n\tdirectory = *\n[gc]\n\tauto = 0\n")
        temporary.mkdir(exist_ok=True)
        git = Path(shutil.which("git") or "/usr/bin/git").parent
        return {
            "PATH": f"{SYSTEM_PATH}:{git}", "HOME": str(job.home), "TMPDIR": str(temporary), "LANG": "C.UTF-8",
            "TERM": "linux", "TZ": os.environ.get("TZ", "UTC"), "NO_COLOR": "1", "BROWSER": "/bin/true",
            "GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
            "TQDM_DISABLE": "1", **job.mark,
        }  # fmt: skip
