"""The agent offer: any program that speaks the Agent Client Protocol on its standard streams."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from codeforge import (
    CONFINED,
    AgentBackend,
    AgentEvent,
    AgentJob,
    Health,
    LentFolder,
    Process,
    Reason,
    RunFailure,
    Say,
    Unavailable,
    bounded_shell,
    drop_git_locks,
    ended,
    usage,
)
from codeforge_agents_acp.client import Client
from codeforge_agents_acp.files import Files
from codeforge_agents_acp.node import NodePackage
from codeforge_agents_acp.outbox import Outbox
from codeforge_agents_acp.relay import Relay, open_relay
from codeforge_agents_acp.settings import IN_STATE, AcpSettings, Agent, filled
from codeforge_agents_acp.turn import Turn
from codeforge_agents_acp.updates import Updates
from codeforge_agents_acp.wire import LONGEST, Wire

if TYPE_CHECKING:
    from codeforge.testing.contract import Dialect

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
GRACE = 1.0
"""Seconds between the polite end and the other one."""


class AcpAgent(AgentBackend):
    """``home`` is where packages are installed; ``package`` is the agent's, where CodeForge installs it."""

    def __init__(
        self,
        name: str,
        agent: Agent,
        *,
        home: Path,
        settings: AcpSettings | None = None,
        package: NodePackage | None = None,
    ) -> None:
        self.name = name
        self._agent, self._home, self._package = agent, home, package
        self._settings = settings or AcpSettings()

    async def check(self) -> Health:
        """Looks for the command; starts nothing."""
        program, package = self._program(), self._package
        if package:
            version, fix = package.version, package.install
            if program:
                return Health(
                    name=self.name, ok=True, detail=f"{package.title} {version} is installed.", version=version
                )
            return Health(name=self.name, ok=False, detail=f"{package.title} is not installed yet.", fix=fix)
        if program:
            return Health(name=self.name, ok=True, detail=f"{program} is there.")
        return Health(name=self.name, ok=False, detail=f"There is no command {self._agent.command[0]}.", fix=self._fix)

    async def install(self, say: Say) -> None:
        """Install the package that CodeForge pins. Raises `Unavailable` for an agent that people bring themselves."""
        if self._package:
            await self._package.make(self._home, say)
        elif not self._program():
            raise Unavailable(f"There is no command {self._agent.command[0]}. {self._fix}")

    def remembers(self, state: Path) -> bool:
        return (state / "acp.json").is_file()

    def installed_in(self) -> Path | None:
        return self._package.place(self._home) if self._package else None

    def dialect(self) -> Dialect | None:
        """Of the agent that CodeForge installs; how others are made to work is theirs to know."""
        if self.name != "opencode":
            return None
        from codeforge_agents_acp.dialect import OpencodeDialect

        return OpencodeDialect()

    def readable(self) -> Iterable[Path]:
        return [*super().readable(), bounded_shell().folder]

    async def run(self, job: AgentJob) -> AsyncGenerator[AgentEvent, None]:
        program, settings, confined = self._program(), self._settings, CONFINED.get()
        if program is None:
            health = await self.check()
            raise RunFailure(Reason.PLUGIN_MISSING, f"{health.detail} {health.fix}".strip())
        way = open_relay(
            confined.outside if confined else job.gateway, job.key,
            steps=job.limits.steps, patience=min(settings.patience, job.patience),
            call_timeout=min(settings.call_timeout, job.call_timeout),
        )  # fmt: skip
        async with way as relay:
            if confined and confined.apart:
                confined.stand_between(relay.url, relay.token)
                relay.url = job.gateway.removesuffix("/v1")
            places = _places(job, relay)
            command = [program, *(filled(word, places) for word in self._agent.command[1:])]
            outbox = Outbox(lambda text: text.replace(job.key, "[key]").replace(relay.token, "[key]"))
            relay.used = lambda prompt, completion: outbox.put(
                usage(prompt, completion, 0, _cost(job, prompt, completion))
            )
            process = Process(
                command, cwd=job.home, env=self._env(job, program, places), talk=True, line_limit=LONGEST, grace=GRACE
            )
            async with process:
                work = asyncio.create_task(self._work(job, process, outbox, relay))
                work.add_done_callback(lambda _: outbox.close())
                try:
                    async for event in outbox:
                        yield event
                    last = work.result()
                finally:
                    work.cancel()
                    await asyncio.wait([work])
            drop_git_locks(job.workspace)
        yield outbox.cleaned(last)

    async def _work(self, job: AgentJob, process: Process, outbox: Outbox, relay: Relay) -> AgentEvent:
        """Take the agent's turn; gives its last word."""
        from acp.connection import Connection

        files, wire = Files(job.workspace), Wire(process, outbox)
        updates = Updates(files, outbox)
        client = Client(job, files, updates)
        connection = Connection(client, wire)
        turn = Turn(
            job, connection, client, updates, relay,
            name=self.name, auth=self._agent.auth, start_timeout=self._settings.start_timeout,
        )  # fmt: skip
        try:
            return await turn.take()
        except ConnectionError:
            if relay.trouble:
                return ended(relay.trouble.reason, relay.trouble.words)
            code = await process.wait()
            return ended(Reason.AGENT_ERROR, f"{self.name} broke off with exit code {code}: {wire.last or 'no word'}")
        finally:
            await connection.close()

    def _program(self) -> str | None:
        """The agent's executable, if it is here."""
        if self._package:
            return str(self._package.executable(self._home)) if self._package.ready(self._home) else None
        return shutil.which(self._agent.command[0])

    @property
    def _fix(self) -> str:
        name = self._agent.command[0]
        return f"Install {name} on every worker and have it on PATH, or correct plugins.agents_acp.agents.{self.name}."

    def _env(self, job: AgentJob, program: str, places: dict[str, str]) -> dict[str, str]:
        """All that the agent sees: nothing of the server's environment, nothing of this machine's git settings."""
        for folder in (job.home, job.state, job.home / "tmp"):
            folder.mkdir(parents=True, exist_ok=True)
        for path, text in self._agent.files.items():
            top, inner = (job.state, path.removeprefix(IN_STATE)) if path.startswith(IN_STATE) else (job.home, path)
            inside, _, name = inner.rpartition("/")
            with LentFolder(top, inside, make=True) as lent:
                lent.write(name, filled(text, places))
        config = job.home / "gitconfig"
        user = f"[user]\n\tname = {self.name}\n\temail = {self.name}@localhost\n"
        with LentFolder(job.home) as home:
            home.write(config.name, f"{user}[safe]\n\tdirectory = *\n[gc]\n\tauto = 0\n")
        found = (str(Path(way).parent) for way in (program, *map(shutil.which, ("git", "node"))) if way)
        return {
            "PATH": ":".join(dict.fromkeys([*found, *SYSTEM_PATH.split(":")])), "HOME": str(job.home),
            "TMPDIR": str(job.home / "tmp"), "LANG": "C.UTF-8", "TERM": "dumb", "TZ": os.environ.get("TZ", "UTC"),
            "NO_COLOR": "1", "BROWSER": "/bin/true", "GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0", **bounded_shell().env,
            **{name: filled(text, places) for name, text in self._agent.env.items()}, **job.mark,
        }  # fmt: skip


def _cost(job: AgentJob, prompt: int, completion: int) -> int | None:
    """Micro-dollars, where the model's prices are known."""
    if job.model.input_price is None or job.model.output_price is None:
        return None
    return round((prompt * job.model.input_price + completion * job.model.output_price) / 1_000_000)


def _places(job: AgentJob, relay: Relay) -> dict[str, str]:
    """What stands for the names in an agent's command and environment."""
    return {
        "gateway": f"{relay.url}/v1", "anthropic": relay.url, "key": relay.token, "model": job.model.name,
        "workspace": str(job.workspace.resolve()), "home": str(job.home.resolve()), "state": str(job.state.resolve()),
        "shell": str(bounded_shell().path), "window": str(job.model.window or 0),
        "max_output": str(job.model.max_output or 0),
    }  # fmt: skip
