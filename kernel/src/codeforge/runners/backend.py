"""A back end whose agent is a Python program: driven by a runner in the agent's own environment."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import ClassVar

from codeforge.agents import AgentBackend, AgentJob, Say
from codeforge.errors import RunFailure
from codeforge.events import AgentEvent
from codeforge.ids import new_id
from codeforge.lent import LentFolder, drop_git_locks
from codeforge.model import Health, Reason
from codeforge.process import Process
from codeforge.runners.environment import Environment, Recipe
from codeforge.runners.report import Translator
from codeforge.runners.warm import ColdError, WarmParent, WarmProcess

log = logging.getLogger(__name__)
AGENT_SIDE = Path(__file__).with_name("agent_side")
LOOK = 0.1
"""Seconds between two looks whether words were read."""
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


class DrivenAgent(AgentBackend):
    """``runner`` is the folder of a package of the same name whose ``work(job, report)`` drives the agent.

    It runs in whatever Python `launcher` names (see ``agent_side``). ``grace``: seconds to stop by itself.
    """

    title: str
    runner: ClassVar[Path]

    def __init__(self, *, grace: float = 1.0) -> None:
        self._grace = grace

    def readable(self) -> Iterable[Path]:
        return [self.runner.parent, AGENT_SIDE]

    @abstractmethod
    async def launcher(self, job: AgentJob) -> list[str]:
        """The command that starts the agent's Python, isolated. Raises `RunFailure` when there is none."""

    async def run(self, job: AgentJob) -> AsyncGenerator[AgentEvent, None]:
        translator = Translator(job, self.title)
        try:
            async with self._process(job) as process:
                async for stream, line in process.lines():
                    if event := translator.event(stream, line):
                        yield event
                code = await process.wait()
        finally:
            drop_git_locks(job.workspace)
        yield translator.ended(code)

    async def hand_in(self, job: AgentJob, words: str) -> bool:
        """`steer` for a runner that asks `codeforge_agent.inbox` between its agent's steps."""
        name = f"{new_id()}.txt"
        with LentFolder(job.state, "inbox", make=True) as inbox:
            inbox.write(name, words)
            try:
                while inbox.holds(name):  # noqa: ASYNC110 (another process takes it away)
                    await asyncio.sleep(LOOK)
                return True
            finally:
                inbox.remove(name)

    @asynccontextmanager
    async def _process(self, job: AgentJob) -> AsyncIterator[Process]:
        """The runner at work on ``job``."""
        command = [*await self.launcher(job), *self._arguments()]
        given = Process(command, cwd=job.workspace, env=self._env(job), stdin=self._stdin(job), grace=self._grace)
        async with given as process:
            yield process

    def _arguments(self) -> list[str]:
        return [str(AGENT_SIDE), str(self.runner.parent), self.runner.name]

    def _stdin(self, job: AgentJob) -> bytes:
        """The job for the runner. Standard input alone carries the key: arguments and environments can be read."""
        told = {
            "prompt": job.prompt, "workspace": str(job.workspace.resolve()), "state": str(job.state.resolve()),
            "model": job.model.name, "provider": job.model.provider, "window": job.model.window,
            "max_output": job.model.max_output, "gateway": job.gateway, "key": job.key, "steps": job.limits.steps,
            "seconds": job.limits.seconds, "call_timeout": job.call_timeout, "patience": job.patience,
            "follow_up": job.follow_up, "input_price": job.model.input_price, "output_price": job.model.output_price,
        }  # fmt: skip
        return json.dumps(told).encode()

    def _env(self, job: AgentJob) -> dict[str, str]:
        """All that the agent sees: nothing of the server's environment, nothing of this machine's git settings."""
        job.home.mkdir(parents=True, exist_ok=True)
        job.state.mkdir(parents=True, exist_ok=True)
        config, temporary = job.home / "gitconfig", job.home / "tmp"
        user = f"[user]\n\tname = {self.title}\n\temail = {self.name}@localhost\n"
        with LentFolder(job.home) as folder:
            folder.write(config.name, f"{user}[safe]\n\tdirectory = *\n[gc]\n\tauto = 0\n")
        temporary.mkdir(exist_ok=True)
        git = Path(shutil.which("git") or "/usr/bin/git").parent
        return {
            "PATH": f"{SYSTEM_PATH}:{git}", "HOME": str(job.home), "TMPDIR": str(temporary), "LANG": "C.UTF-8",
            "TERM": "linux", "TZ": os.environ.get("TZ", "UTC"), "NO_COLOR": "1", "BROWSER": "/bin/true",
            "GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
            "TQDM_DISABLE": "1", **job.mark,
        }  # fmt: skip


class RunnerAgent(DrivenAgent):
    """One with an environment that CodeForge makes for it by its ``recipe``; ``home`` holds these environments.

    With ``warm`` a parent process is kept that has imported the agent, and runs start as its forks; for runners with
    a module ``warm``, which imports all that a run does. The parent is in no sandbox: a fork moves into its run's.
    """

    recipe: ClassVar[Recipe]

    def __init__(self, *, home: Path, grace: float = 1.0, warm: bool = False) -> None:
        super().__init__(grace=grace)
        self.name, self.title = self.recipe.name, self.recipe.title
        self._environment = Environment(home, self.recipe)
        parent = [*self._python(), *self._arguments()] if warm and (self.runner / "warm.py").exists() else None
        self._parent = WarmParent(parent, home=home / "nobody") if parent else None

    async def check(self) -> Health:
        """Looks for the environment; starts nothing."""
        title, version = self.recipe.title, self.recipe.version
        if self._environment.ready():
            return Health(name=self.name, ok=True, detail=f"{title} {version} is installed.", version=version)
        return Health(name=self.name, ok=False, detail=f"{title} is not installed yet.", fix=self.recipe.install)

    async def install(self, say: Say) -> None:
        """Make the agent's environment. Cancelling leaves nothing running and nothing half made."""
        await self._environment.make(say)

    def installed_in(self) -> Path:
        return self._environment.folder

    async def launcher(self, job: AgentJob) -> list[str]:
        if not self._environment.ready():
            detail = f"{self.recipe.title} is not installed: run `{self.recipe.install}`."
            raise RunFailure(Reason.PLUGIN_MISSING, detail)
        return self._python()

    def close(self) -> None:
        """End the warm parent, if there is one; it ends by itself with this process."""
        if self._parent:
            self._parent.close()

    @asynccontextmanager
    async def _process(self, job: AgentJob) -> AsyncIterator[Process]:
        """The runner at work on ``job``: a fork of the warm parent where there is one, else started from cold."""
        await self.launcher(job)
        async with AsyncExitStack() as stack:
            process: Process | None = None
            if self._parent:
                try:
                    env, stdin = self._env(job), self._stdin(job)
                    warm = WarmProcess(self._parent, cwd=job.workspace, env=env, stdin=stdin, grace=self._grace)
                    process = await stack.enter_async_context(warm)
                except ColdError as error:
                    log.info("run %s of %s starts cold: %s", job.run_id, self.title, error)
            if process is None:
                process = await stack.enter_async_context(super()._process(job))
            yield process

    def _python(self) -> list[str]:
        return [str(self._environment.python), "-I", "-X", "utf8"]
