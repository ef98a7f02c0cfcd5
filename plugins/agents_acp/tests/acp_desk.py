"""A workspace with its job's folders, and what comes of it."""

import asyncio
import json
import os
import subprocess
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from codeforge import AgentEvent, AgentJob, Kind, Model
from codeforge_agents_acp import AcpAgent


@dataclass
class Desk:
    """A workspace with its job's folders, and what came of it."""

    folder: Path
    gateway: str
    events: list[AgentEvent] = field(default_factory=list)
    questions: list[tuple[str, list[str]]] = field(default_factory=list)
    answer: str | None = None

    KEY = "cf-canary-5b1f9e"

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.workspace / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, newline="")

    def git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.workspace), "-c", "user.name=t", "-c", "user.email=t@localhost", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def commit(self) -> None:
        self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "start")

    def job(self, prompt: object = "x", model: str = "talk", **more: object) -> AgentJob:
        """A job; a prompt that is a list is what the plain agent is to do."""
        run = f"run-{os.getpid()}-{id(self)}"
        told = {"run_id": run, "gateway": self.gateway, "key": self.KEY, "mark": {"TEST_RUN": run}, "ask": self.ask}
        return AgentJob(
            prompt=prompt if isinstance(prompt, str) else json.dumps(prompt),
            workspace=self.workspace, home=self.folder / "home", state=self.folder / "state",
            model=Model(name=model, provider="scripted", window=100_000),
            **{**told, **more},
        )  # fmt: skip

    async def ask(self, question, choices):
        self.questions.append((question, [choice.name for choice in choices]))
        return next((choice.id for choice in choices if choice.name == self.answer), None)

    async def run(self, agent: AcpAgent, job: AgentJob) -> AgentEvent:
        """Let the agent work on ``job`` to its end; gives the last event."""
        self.events = []
        async with aclosing(agent.run(job)) as events:
            async for event in events:
                self.events.append(event)
        return self.events[-1]

    async def do(self, agent: AcpAgent, *deeds: tuple[str, object], **more: object) -> AgentEvent:
        """Let the plain agent do these deeds."""
        return await self.run(agent, self.job([list(deed) for deed in deeds], **more))

    def texts(self, kind: Kind) -> list[str]:
        return [next(iter(event.data.values())) for event in self.events if event.kind == kind]

    def read(self, name: str) -> str:
        return (self.workspace / name).read_bytes().decode()

    def alive(self, job: AgentJob) -> list[psutil.Process]:
        """The processes that work on ``job``: what is below the agent inherits its environment."""
        return [process for process in psutil.process_iter() if _run_of(process) == job.run_id]

    def changed(self) -> list[str]:
        return self.git("-c", "core.quotePath=false", "status", "--porcelain", "-uall", "--ignored").splitlines()


def _run_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("TEST_RUN")
    except psutil.Error:
        return None


async def until(condition, seconds: float = 20.0) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)
