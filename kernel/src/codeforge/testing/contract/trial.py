"""One agent, one repository, one scripted model: what a case of the contract is tried on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codeforge.agents import AgentBackend, AgentJob
from codeforge.events import AgentEvent, Kind
from codeforge.ids import new_id
from codeforge.llm import Model
from codeforge.model import Choice, Reason
from codeforge.testing.contract.case import Skipped
from codeforge.testing.contract.dialect import Dialect
from codeforge.testing.model_server import ScriptedModels, Seen
from codeforge.testing.repositories import git, new_repository
from codeforge.testing.steps import Step

KEY = "cfrun-canary-5b1f9e27c4"
HELLO = 'def greet():\n    return "hello"\n'
FRIENDLY = 'def greet(name="world"):\n    return f"hello {name}"\n'
PRICE = 1_000_000
"""Micro-dollars for a million tokens: one a token."""


@dataclass
class Trial:
    """``folder`` holds the workspace, the job's home and its state; ``events`` are those of the last run."""

    agent: AgentBackend
    dialect: Dialect
    models: ScriptedModels
    folder: Path
    events: list[AgentEvent] = field(default_factory=list)
    mark: dict[str, str] = field(default_factory=lambda: {"CODEFORGE_TRIAL": new_id()})

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    def job(self, prompt: str = "Make greet() in hello.py friendlier.", **more: Any) -> AgentJob:
        given: dict[str, Any] = {
            "run_id": new_id(), "prompt": prompt, "workspace": self.workspace, "home": self.folder / "home",
            "state": self.folder / "state", "gateway": self.models.url, "key": KEY, "mark": self.mark, "ask": _leave,
            "model": Model(name="m", provider="scripted", window=100_000, input_price=PRICE, output_price=PRICE),
        }  # fmt: skip
        return AgentJob(**given | more)

    def script(self, steps: Sequence[Step], model: str = "m") -> None:
        """Let the model answer so, the last for ever."""
        left = list(steps)

        def answer(seen: Seen) -> Step:
            return self.dialect.aside(seen) or (left.pop(0) if len(left) > 1 else left[0])

        self.models.script(model, answer)

    @property
    def asked(self) -> list[Seen]:
        """The requests that are steps of the work."""
        return [seen for seen in self.models.requests if self.dialect.aside(seen) is None]

    def change(self, files: Mapping[str, str | None]) -> list[Step]:
        """The answers that make the agent write these files, and delete those with None."""
        existing = {name: self.read(name) for name in files if (self.workspace / name).is_file()}
        return known(self.dialect.change(files, existing), "delete files" if None in files.values() else "edit")

    def shell(self, command: str) -> list[Step]:
        """The answers that make the agent run ``command``."""
        return known(self.dialect.shell(command), "run commands")

    def greet(self) -> None:
        """Let the model make the greeting friendlier."""
        self.script(self.change({"hello.py": FRIENDLY}))

    async def run(self, job: AgentJob | None = None) -> AgentEvent:
        """Let the agent work on ``job`` to its end; gives its last word, whose reason is one of the closed set."""
        self.events = []
        async with aclosing(self.agent.run(job or self.job())) as events:
            async for event in events:
                self.events.append(event)
        last = self.events[-1]
        demand(last.kind, Kind.ENDED, "the last event")
        assert last.data["outcome"] == "done" or Reason(last.data["reason"])
        return last

    async def done(self, job: AgentJob | None = None) -> None:
        """Let the agent work, to an end that is good."""
        last = await self.run(job)
        demand((last.data["outcome"], last.data["reason"]), ("done", None), f"the end ({last.data['detail']})")

    def said(self, *kinds: Kind) -> str:
        """Everything in the events (of these kinds) as one text."""
        return "\n".join(str(event.data) for event in self.events if not kinds or event.kind in kinds)

    def tokens(self) -> tuple[int, int]:
        """(prompt, completion) tokens that the agent told of."""
        used = [event.data for event in self.events if event.kind == Kind.USAGE]
        return sum(one["prompt_tokens"] for one in used), sum(one["completion_tokens"] for one in used)

    def read(self, name: str) -> str:
        return (self.workspace / name).read_bytes().decode()

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            (self.workspace / name).parent.mkdir(parents=True, exist_ok=True)
            (self.workspace / name).write_text(text)

    def commit(self) -> None:
        git(self.workspace, "add", "-A")
        git(self.workspace, "commit", "--no-verify", "-qm", "more")

    def changed(self) -> set[str]:
        """The names of all that differs from the last commit, new and ignored files too."""
        listed = git(self.workspace, "-c", "core.quotePath=false", "status", "--porcelain", "-uall", "--ignored", "-z")
        return {entry.strip()[2:].strip() for entry in listed.split("\0") if entry}


async def _leave(question: str, choices: Sequence[Choice]) -> str | None:
    """Allow whatever an agent asks leave for."""
    return next((choice.id for choice in choices if choice.allows), None)


def known(steps: Sequence[Step] | None, what: str) -> list[Step]:
    """The steps. Raises `Skipped` where the agent's dialect has none."""
    if steps is None:
        raise Skipped(f"it does not {what}")
    return list(steps)


def demand(found: object, wanted: object, what: str) -> None:
    """Raise `AssertionError` with both, where they differ."""
    if found != wanted:
        raise AssertionError(f"{what} is {found!r}, wanted {wanted!r}")


@asynccontextmanager
async def trial(agent: AgentBackend, dialect: Dialect, folder: Path) -> AsyncIterator[Trial]:
    """A small repository to work on, and a model that says nothing yet."""
    new_repository(folder / "workspace", **{"hello.py": HELLO, "other.py": "OTHER = 1\n", "README.md": "# Sample\n"})
    async with ScriptedModels() as models:
        yield Trial(agent, dialect, models, folder)
