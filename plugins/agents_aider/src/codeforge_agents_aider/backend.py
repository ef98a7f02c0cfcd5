"""The agent offer: Aider, run by its own Python, its reports turned into events."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path

from codeforge import AgentBackend, AgentEvent, AgentJob, Health, Process, Reason, RunFailure, Say
from codeforge_agents_aider.environment import VERSION, Environment
from codeforge_agents_aider.report import Translator

RUNNER = Path(__file__).with_name("runner")
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
INSTALL = "codeforge agents install aider"


class Aider(AgentBackend):
    """``home`` holds Aider's environments.

    ``call_timeout``: seconds for which a model may be silent. ``patience``: seconds during which a model that
    fails (no connection, 429, 5xx) is asked again, with growing pauses. ``grace``: seconds to stop by itself.
    """

    name = "aider"

    def __init__(self, *, home: Path, call_timeout: float = 300.0, patience: float = 60.0, grace: float = 2.0) -> None:
        self._environment = Environment(home)
        self._call_timeout, self._patience, self._grace = call_timeout, patience, grace

    async def check(self) -> Health:
        """Looks for the environment; starts nothing."""
        if self._environment.ready():
            return Health(name=self.name, ok=True, detail=f"Aider {VERSION} is installed.", version=VERSION)
        return Health(name=self.name, ok=False, detail="Aider is not installed yet.", fix=INSTALL)

    async def install(self, say: Say) -> None:
        """Make Aider's environment: about 200 MB to fetch once, 700 MB on disk. Cancelling leaves nothing running."""
        await self._environment.make(say)

    async def run(self, job: AgentJob) -> AsyncGenerator[AgentEvent, None]:
        if not self._environment.ready():
            raise RunFailure(Reason.PLUGIN_MISSING, f"Aider is not installed: run `{INSTALL}`.")
        command = [str(self._environment.python), "-I", "-X", "utf8", str(RUNNER)]
        translator = Translator(job)
        try:
            async with Process(
                command, cwd=job.workspace, env=_env(job), stdin=self._stdin(job), grace=self._grace
            ) as process:
                async for stream, line in process.lines():
                    if event := translator.event(stream, line):
                        yield event
                code = await process.wait()
        finally:
            git = job.workspace / ".git"
            for lock in () if git.is_symlink() else git.glob("*.lock"):  # a git that was killed leaves it
                lock.unlink(missing_ok=True)
        yield translator.ended(code)

    def _stdin(self, job: AgentJob) -> bytes:
        """The job for the runner. Standard input alone carries the key: arguments and environments can be read."""
        told = {
            "prompt": job.prompt, "workspace": str(job.workspace.resolve()), "state": str(job.state.resolve()),
            "model": job.model.name, "provider": job.model.provider, "window": job.model.window,
            "max_output": job.model.max_output, "gateway": job.gateway, "key": job.key, "steps": job.limits.steps,
            "seconds": job.limits.seconds, "call_timeout": self._call_timeout, "patience": self._patience,
            "follow_up": job.follow_up,
        }  # fmt: skip
        return json.dumps(told).encode()


def _env(job: AgentJob) -> dict[str, str]:
    """All that Aider and its git see: nothing of the server's environment, nothing of this machine's git settings."""
    job.home.mkdir(parents=True, exist_ok=True)
    job.state.mkdir(parents=True, exist_ok=True)
    config, temporary = job.home / "gitconfig", job.home / "tmp"
    config.unlink(missing_ok=True)  # what an earlier turn may have put there, such as a link, is not followed
    config.write_text("[user]\n\tname = Aider\n\temail = aider@localhost\n[safe]\n\tdirectory = *\n[gc]\n\tauto = 0\n")
    temporary.mkdir(exist_ok=True)
    git = Path(shutil.which("git") or "/usr/bin/git").parent
    return {
        "PATH": f"{SYSTEM_PATH}:{git}", "HOME": str(job.home), "TMPDIR": str(temporary), "LANG": "C.UTF-8",
        "TERM": "linux", "TZ": os.environ.get("TZ", "UTC"), "NO_COLOR": "1", "BROWSER": "/bin/true",
        "GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "TQDM_DISABLE": "1",
        **job.mark,
    }  # fmt: skip
