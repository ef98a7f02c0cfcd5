"""Where one agent works on one job at a time: a workspace, the job's folders, and what came of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import psutil

from codeforge.agents import AgentBackend, AgentJob
from codeforge.events import AgentEvent, Kind
from codeforge.llm import Model
from codeforge.testing.repositories import git


@dataclass
class Desk:
    """``folder`` holds the workspace, the job's home and its state; ``events`` are those of the last run."""

    folder: Path
    gateway: str
    events: list[AgentEvent] = field(default_factory=list)

    KEY: ClassVar[str] = "cf-canary-5b1f9e"
    HELLO: ClassVar[str] = 'def greet():\n    return "hello"\n'
    FRIENDLY: ClassVar[str] = 'def greet(name="world"):\n    return f"hello {name}"\n'

    @classmethod
    def with_sample(cls, folder: Path, gateway: str) -> Self:
        """One with a repository of three files, hello.py among them."""
        desk = cls(folder, gateway)
        desk.write({"hello.py": cls.HELLO, "other.py": "def other():\n    return 1\n", "README.md": "# Sample\n"})
        desk.commit()
        return desk

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    def write(self, files: Mapping[str, str]) -> None:
        """Write files of the workspace."""
        for name, text in files.items():
            path = self.workspace / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, newline="")

    def git(self, *arguments: str) -> str:
        """Run git in the workspace; gives its output."""
        return git(self.workspace, *arguments)

    def commit(self) -> None:
        """Make a repository of the workspace, with all that is in it in one commit."""
        self.git("init", "-q")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "start")

    def job(self, model: str = "m", prompt: str = "Make greet() in hello.py friendlier.", **more: Any) -> AgentJob:
        """A job on the workspace; ``more`` are fields of it."""
        run = f"run-{os.getpid()}-{id(self)}"
        given: dict[str, Any] = {
            "run_id": run, "prompt": prompt, "workspace": self.workspace, "home": self.folder / "home",
            "state": self.folder / "state", "gateway": self.gateway, "key": self.KEY, "mark": {"TEST_RUN": run},
            "model": Model(
                name=model, provider="scripted", window=100_000, input_price=1_000_000, output_price=2_000_000
            ),
        }  # fmt: skip
        return AgentJob(**given | more)

    def hasty(self, model: str = "m", **more: Any) -> AgentJob:
        """A job with little patience."""
        return self.job(model, call_timeout=1.0, patience=1.0, **more)

    async def run(self, agent: AgentBackend, job: AgentJob) -> AgentEvent:
        """Let ``agent`` work on ``job`` to its end; gives the last event."""
        self.events = []
        async with aclosing(agent.run(job)) as events:
            async for event in events:
                self.events.append(event)
        return self.events[-1]

    def texts(self, kind: Kind) -> list[str]:
        """What the events of ``kind`` say."""
        return [next(iter(event.data.values())) for event in self.events if event.kind == kind]

    def ran(self) -> list[tuple[str, int | None]]:
        """The commands that were told, with their exit codes."""
        return [(event.data["command"], event.data["exit"]) for event in self.events if event.kind == Kind.RAN]

    def read(self, name: str) -> str:
        """A file of the workspace, with the line ends that it has."""
        return (self.workspace / name).read_bytes().decode()

    def alive(self, job: AgentJob) -> list[psutil.Process]:
        """The processes that work on ``job``: what is below the agent inherits its environment."""
        return [process for process in psutil.process_iter() if _run_of(process) == job.run_id]

    def changed(self) -> list[str]:
        """What git tells of the workspace: a letter or two, and a path, for all that differs from the last commit."""
        command = ("-c", "core.quotePath=false", "status", "--porcelain", "-uall", "--ignored")
        return git(self.workspace, *command, strip=False).splitlines()


def _run_of(process: psutil.Process) -> str | None:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        found: str | None = process.environ().get("TEST_RUN")
    except psutil.Error:
        return None
    return found
