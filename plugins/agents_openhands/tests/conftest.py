"""A real OpenHands, a scripted model server and a small repository to work on."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from codeforge import AgentEvent, AgentJob, Kind, Model, Unavailable
from codeforge.testing import ScriptedModels, agents_dir
from codeforge.testing.contract import Dialect
from codeforge_agents_openhands import OpenHands


@dataclass
class Desk:
    """A workspace with its job's folders, and what came of it."""

    folder: Path
    gateway: str
    events: list[AgentEvent] = field(default_factory=list)

    KEY = "cf-canary-5b1f9e"
    HELLO = 'def greet():\n    return "hello"\n'
    FRIENDLY = 'def greet(name="world"):\n    return f"hello {name}"\n'

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

    def job(self, model: str = "m", prompt: str = "Make greet() in hello.py friendlier.", **more: object) -> AgentJob:
        run = f"run-{os.getpid()}-{id(self)}"
        more = {"run_id": run, "gateway": self.gateway, "key": self.KEY, "mark": {"TEST_RUN": run}, **more}
        return AgentJob(
            prompt=prompt, workspace=self.workspace, home=self.folder / "home", state=self.folder / "state",
            model=Model(name=model, provider="scripted", window=100_000, input_price=1_000_000, output_price=2_000_000),
            **more,
        )  # fmt: skip

    def hasty(self, model: str = "m", **more: object) -> AgentJob:
        """A job with little patience."""
        return self.job(model, call_timeout=1.0, patience=1.0, **more)

    async def run(self, agent: OpenHands, job: AgentJob) -> AgentEvent:
        """Let ``agent`` work on ``job`` to its end; gives the last event."""
        self.events = []
        async with aclosing(agent.run(job)) as events:
            async for event in events:
                self.events.append(event)
        return self.events[-1]

    def texts(self, kind: Kind) -> list[str]:
        return [next(iter(event.data.values())) for event in self.events if event.kind == kind]

    def ran(self) -> list[tuple[str, int | None]]:
        return [(event.data["command"], event.data["exit"]) for event in self.events if event.kind == Kind.RAN]

    def read(self, name: str) -> str:
        return (self.workspace / name).read_bytes().decode()

    def alive(self, job: AgentJob) -> list[psutil.Process]:
        """The processes that work on ``job``: what is below the agent inherits its environment."""
        return [process for process in psutil.process_iter() if _run_of(process) == job.run_id]

    def changed(self) -> list[str]:
        return self.git("-c", "core.quotePath=false", "status", "--porcelain", "-uall", "--ignored").splitlines()


def _run_of(process: psutil.Process) -> str | None:
    try:
        return None if process.status() == psutil.STATUS_ZOMBIE else process.environ().get("TEST_RUN")
    except psutil.Error:
        return None


@pytest.fixture(scope="session")
def home() -> Path:
    """Where OpenHands is installed: once for all sessions and all workers, which wait for one another."""
    folder = agents_dir() / "openhands"
    try:
        asyncio.run(OpenHands(home=folder).install(print))
    except Unavailable as error:
        if "needs Python" in str(error):
            pytest.skip(str(error))
        raise
    return folder


@pytest.fixture(scope="session")
def openhands(home: Path) -> Iterator[OpenHands]:
    """Kept warm for all tests."""
    agent = OpenHands(home=home, warm=True)
    yield agent
    agent.close()


@pytest.fixture
def cold(home: Path) -> OpenHands:
    return OpenHands(home=home)


@pytest.fixture
def say(openhands: OpenHands) -> Dialect:
    """How a scripted model makes OpenHands do things."""
    return openhands.dialect()


@pytest.fixture
async def models() -> AsyncIterator[ScriptedModels]:
    async with ScriptedModels() as server:
        yield server


@pytest.fixture
def desk(tmp_path: Path, models: ScriptedModels) -> Desk:
    desk = Desk(tmp_path, models.url)
    desk.write({"hello.py": Desk.HELLO, "other.py": "def other():\n    return 1\n", "README.md": "# Sample\n"})
    desk.commit()
    return desk
