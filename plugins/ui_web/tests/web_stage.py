"""A forge on a real store with a scripted repository, agent and model, and runs in any state."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from codeforge import (
    AgentBackend,
    AgentEvent,
    AgentJob,
    Change,
    Delivery,
    FileChange,
    Health,
    Invalid,
    Kind,
    Limits,
    Llm,
    MergeConflict,
    Model,
    Panel,
    Principal,
    Project,
    Reason,
    RepoInfo,
    Run,
    RunState,
    Say,
    Scm,
    Settings,
    Unavailable,
)
from codeforge.forge import Forge, Offers, PluginFact
from codeforge.llm import Provider, ProviderField, ProviderKind
from codeforge.model import CheckResult
from codeforge.store import Store
from codeforge.store import tables as t

BASE, HEAD = "b" * 40, "c" * 40
NASTY = "<img src=x onerror=alert(1)>"
PYTHON = """diff --git a/src/stats.py b/src/stats.py
--- a/src/stats.py
+++ b/src/stats.py
@@ -1,7 +1,9 @@ def mean(values):
 \"\"\"Small statistics.\"\"\"


 def mean(values):
-    return sum(values) / len(values) - 1
+    if not values:
+        raise ValueError("mean of nothing")
+    return sum(values) / len(values)


 def spread(values):
"""
TESTS = """diff --git a/tests/test_stats.py b/tests/test_stats.py
--- a/tests/test_stats.py
+++ b/tests/test_stats.py
@@ -3,3 +3,7 @@ import pytest

 def test_mean_of_three_numbers():
     assert mean([1, 2, 3]) == 2
+
+def test_mean_of_nothing_is_refused():
+    with pytest.raises(ValueError):
+        mean([])
"""
CHANGES: dict[FileChange, str] = {
    FileChange(path="src/stats.py", status="modified", added=3, deleted=1): PYTHON,
    FileChange(path="tests/test_stats.py", status="modified", added=4, deleted=0): TESTS,
    FileChange(path="docs/curve.png", status="added"): "Binary files /dev/null and b/docs/curve.png differ\n",
}


class ScriptedScm(Scm):
    """Repositories by path: those under /repos are there; a change is what the test says."""

    name = "git"

    def __init__(self) -> None:
        self.files = dict(CHANGES)
        self.conflict: list[str] = []
        self.delivered: list[str] = []

    def handles(self, url: str) -> bool:
        return True

    async def inspect(self, url: str) -> RepoInfo:
        if not url.startswith("/repos/"):
            raise Invalid(f"{url} is no Git repository: give the path of one, or its address.", field="url")
        dirty = ("notes.txt",) if url.endswith("dirty") else ()
        return RepoInfo(url=url, branch="main", branches=("main", "next"), head="a1b2c3d4e5" * 4, dirty=dirty)

    async def prepare(self, *_: Any, **__: Any) -> Any: ...

    async def reopen(self, *_: Any) -> Any: ...

    async def changes(self, project: Project, base: str, head: str) -> list[FileChange]:
        return list(self.files)

    async def diff(self, project: Project, base: str, head: str, path: str | None = None) -> str:
        return "".join(text for file, text in self.files.items() if path in (None, file.path))

    async def deliver(self, project: Project, change: Change, **how: Any) -> Delivery:
        if self.conflict:
            raise MergeConflict(f"{project.branch} moved and {self.conflict[0]} conflicts.", self.conflict)
        self.delivered.append(how["strategy"])
        return Delivery(branch=project.branch, commit="d" * 40)

    async def forget(self, project: Project) -> None: ...


class ScriptedAgent(AgentBackend):
    """Never run here: tests report what it would have."""

    name = "aider"

    async def check(self) -> Health:
        return Health(name=self.name, ok=True, detail="Installed in an environment of its own.", version="0.86.2")

    def run(self, job: AgentJob) -> AsyncIterator[AgentEvent]:
        raise NotImplementedError


class BrokenAgent(ScriptedAgent):
    name = "openhands"

    async def check(self) -> Health:
        raise RuntimeError("its command is not on PATH")


class MissingAgent(ScriptedAgent):
    """Not installed; an installation goes on until ``go`` is set, and fails with ``wrong`` where that is said."""

    def __init__(self, name: str = "swe", wrong: str = "") -> None:
        self.name, self.wrong, self.go = name, wrong, asyncio.Event()
        self.installed, self.begun = False, 0

    async def check(self) -> Health:
        if self.installed:
            return Health(name=self.name, ok=True, detail=f"{self.name} 2.4.6 is installed.", version="2.4.6")
        fix = f"codeforge agents install {self.name}"
        return Health(name=self.name, ok=False, detail=f"{self.name} is not installed yet.", fix=fix)

    def installed_in(self) -> Path | None:
        return Path("/agents") / self.name

    async def install(self, say: Say) -> None:
        self.begun += 1
        say(f"Making an environment for {self.name} 2.4.6 {NASTY}")
        say(f"Fetching the packages of {self.name}, about 10 MB the first time")
        await self.go.wait()
        if self.wrong:
            raise Unavailable(self.wrong)
        self.installed = True


class ScriptedLlm(Llm):
    name = "scripted"

    async def models(self, tenant_id: str) -> list[Model]:
        note = "Scripted: answers come from a recording, no model is called."
        return [
            Model(
                name="openai/gpt-5-mini", provider="openai", window=400_000, input_price=250_000, output_price=2_000_000
            ),
            Model(name="ollama/qwen3-coder", provider="ollama", window=262_144),
            Model(name="replay/fix-mean", provider="replay", note=note),
        ]

    def kinds(self) -> list[ProviderKind]:
        key = ProviderField(name="key", label="Key", example="sk-...", secret=True)
        address = ProviderField(name="base_url", label="Address", example="http://127.0.0.1:11434", required=False)
        region = ProviderField(name="region", label="Region", example="eu-central-1")
        models = ProviderField(name="models", label="Deployments", example="gpt-4o, my-mini", many=True)
        return [
            ProviderKind(name="openai", label="OpenAI", fields=(key,)),
            ProviderKind(name="ollama", label="Ollama", fields=(address,)),
            ProviderKind(name="openai-compatible", label="Any OpenAI-compatible server", fields=(address, key)),
            ProviderKind(name="cloud", label="The cloud", fields=(region, models, key)),
        ]

    async def check(self, provider: Provider) -> str:
        if provider.secret == "sk-wrong":
            raise Invalid(f"{provider.name} refuses this key: copy it again.", field="key")
        return f"{provider.name} takes its key and has 3 models."


class Stage:
    """A forge and what happens on it: runs are put into any state through the workers' own door."""

    def __init__(self, forge: Forge, who: Principal, scm: ScriptedScm) -> None:
        self.forge, self.who, self.scm = forge, who, scm

    async def project(self, folder: str = "stats", **values: Any) -> Project:
        values = {"check": "pytest -q", "model": "openai/gpt-5-mini", "limits": Limits(), **values}
        return await self.forge.projects.add(self.who, f"/repos/{folder}", **values)

    async def task(self, project: Project, prompt: str = "Make mean([]) raise a ValueError", **values: Any) -> Run:
        _, run = await self.forge.tasks.submit(self.who, project.id, prompt, **values)
        assert run
        return run

    async def hello(self) -> None:
        """A worker within the server gives word."""
        await self.forge.workers.hello("worker-1", name="worker-1")

    async def lodge(self) -> None:
        """The server has a worker of its own, which has what is installed here."""
        self.forge.agents.here = True
        agents = sorted(self.forge.offers.agents)
        await self.forge.workers.hello(f"local-{self.forge.id}", name="here", agents=agents)

    async def working(self, run: Run) -> Run:
        """Claim runs until this one is at work."""
        while (assignment := await self.forge.coordinator.claim("worker-1")) and assignment.run.id != run.id:
            pass
        await self.forge.coordinator.report(run.id, 1, state=RunState.WORKING, base=BASE)
        return await self.forge.runs.get(self.who, run.id)

    async def say(self, run: Run, *events: AgentEvent) -> None:
        await self.forge.coordinator.report(run.id, 1, events)

    async def call(self, run: Run, cost: int | None = 1234, *, days_ago: float = 0, **values: Any) -> None:
        """One model call of the run."""
        given: dict[str, Any] = {
            "provider": run.model.partition("/")[0],
            "model": run.model,
            "status": 200,
            "streamed": True,
            "milliseconds": 900,
            "counted": "unpriced" if cost is None else "reported",
            "prompt_tokens": 2048,
            "completion_tokens": 512,
            "cost_micro": cost,
            "run_id": run.id,
            "project_id": run.project_id,
        }
        made = await self.forge.calls.record(run.tenant_id, **{**given, **values})
        if days_ago:
            when = time.time() - days_ago * 86_400
            await self.forge.store.run(None, lambda door: door.update(t.Call, t.Call.id == made, created_at=when))

    async def review(self, run: Run, *, exit: int = 0, output: tuple[str, ...] = ("4 passed in 0.12s",)) -> Run:
        """Work on a run until its change waits for review, or has failed its check."""
        run = await self.working(run)
        files = list(self.scm.files)
        counts = {"added": sum(f.added or 0 for f in files), "deleted": sum(f.deleted or 0 for f in files)}
        change, report = Change(base=BASE, head=HEAD, files=len(files), **counts), self.forge.coordinator.report
        await report(run.id, 1, [AgentEvent(Kind.CHANGE, {"base": BASE, "head": HEAD, "files": len(files), **counts})])
        await report(run.id, 1, state=RunState.CHECKING, change=change)
        check = CheckResult(command="pytest -q", exit=exit, seconds=1.4)
        told = [AgentEvent(Kind.CHECK, {"text": line}) for line in output]
        told.append(AgentEvent(Kind.CHECKED, {"command": check.command, "exit": exit, "seconds": 1.4}))
        ended = {"state": RunState.FAILED, "reason": Reason.CHECK_FAILED} if exit else {"state": RunState.REVIEW}
        await report(run.id, 1, told, check=check, **ended)
        return await self.forge.runs.get(self.who, run.id)


async def _panels(run: Run) -> list[Panel]:
    return [
        Panel(title="Coverage", text=f"81 % {NASTY}", href="/costs"),
        Panel(title="Bad", href="javascript:alert(1)"),
    ]


async def open_stage(stack: AsyncExitStack, settings: Settings) -> Stage:
    """A stage on the settings' data folder, which may hold an earlier one's data."""
    scm, store = ScriptedScm(), await Store.open(settings.data_dir)
    stack.push_async_callback(store.close)
    facts = [
        PluginFact(name="scm_git", distribution="codeforge-scm-git", version="0.1.0", offers=("git repositories",)),
        PluginFact(
            name="notify", distribution="notify-plugin", version="2.1", broken="ImportError: no module named slack."
        ),
    ]
    offers = Offers(
        agents={"aider": ScriptedAgent(), "openhands": BrokenAgent()},
        scms={"git": scm},
        llms={"scripted": ScriptedLlm()},
        plugins=facts,
        choose_scm=lambda url: "git",
        choose_agent=lambda t, p: t.agent or p.agent,
        choose_model=lambda t, p: t.model or p.model,
        rank_run=lambda t, p: t.priority,
        panels=_panels,
    )
    forge = Forge(settings, store, offers)
    return Stage(forge, await forge.accounts.admin(), scm)
