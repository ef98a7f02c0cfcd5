"""A plugin for tests: an agent that does what its prompt says, folders as repositories, one model, a queue."""

import asyncio
import difflib
import hashlib
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click

from codeforge import (
    AgentBackend,
    AgentEvent,
    AgentJob,
    Change,
    Conflict,
    Delivery,
    Ears,
    FileChange,
    Forge,
    Health,
    Invalid,
    Llm,
    Model,
    Process,
    Project,
    Provider,
    ProviderField,
    ProviderKind,
    Queue,
    Reason,
    RepoInfo,
    Scm,
    Settings,
    Workspace,
    hookimpl,
)
from codeforge import events as say


class Scripted(AgentBackend):
    """Lines: ``write PATH TEXT``, ``say TEXT``, ``wait`` (a process that sleeps), ``fail REASON``, ``crash``."""

    name = "scripted"

    async def run(self, job: AgentJob) -> AsyncIterator[AgentEvent]:
        for line in job.prompt.splitlines():
            word, _, rest = line.partition(" ")
            if word == "write":
                path, _, text = rest.partition(" ")
                (job.workspace / path).write_text(text + "\n")
                yield say.edited(path)
            elif word == "say":
                yield say.said(rest)
            elif word == "wait":
                (job.workspace / "started.txt").write_text("started\n")
                yield say.said("waiting")
                async with Process(
                    ["sleep", "987"], cwd=job.workspace, env={"PATH": "/usr/bin:/bin", **job.mark}
                ) as sleep:
                    await sleep.wait()
            elif word in ("slowly", "later"):  # until somebody makes the file "go" or "later" in the data folder
                yield say.said("half way" if word == "slowly" else "not yet")
                while not (job.workspace.parents[2] / {"slowly": "go", "later": "later"}[word]).exists():
                    await asyncio.sleep(0.02)
            elif word == "fail":
                yield say.ended(Reason(rest), "as the script says")
                return
            elif word == "crash":
                raise RuntimeError("as the script says")
        yield say.ended()


class Missing(AgentBackend):
    """An agent that has to be installed first."""

    name = "missing"

    def __init__(self, home: Path) -> None:
        self._ready = home / "missing" / "ready"

    async def check(self) -> Health:
        if self._ready.exists():
            return Health(name=self.name, ok=True, detail="ready", version="9.9")
        return Health(name=self.name, ok=False, detail="not installed", fix="codeforge agents install missing")

    async def install(self, tell) -> None:
        tell("bringing it")
        if (self._ready.parent / "slow").exists():
            tell("slowly")
            await asyncio.sleep(987)
        self._ready.parent.mkdir(parents=True, exist_ok=True)
        self._ready.touch()
        tell("brought")

    async def run(self, job: AgentJob) -> AsyncIterator[AgentEvent]:
        yield say.ended()


class FolderWorkspace(Workspace):
    def __init__(self, scm: "Folders", path: Path, base: str) -> None:
        self.scm, self.path, self.base = scm, path, base

    async def escrow(self, ref: str, message: str, author: str) -> str:
        return self.scm.keep(self.path)

    async def restore(self) -> None:
        """Its checks leave nothing."""

    async def remove(self) -> None:
        shutil.rmtree(self.path)


class Folders(Scm):
    """A folder with a file ``branch`` in it: a commit is a copy, named by what it holds."""

    name = "folders"

    def __init__(self, mirrors: Path) -> None:
        self.copies = mirrors

    def handles(self, url: str) -> bool:
        return url.startswith("/")

    async def inspect(self, url: str) -> RepoInfo:
        if not (Path(url) / "branch").exists():
            raise Invalid(f"{url} is no repository: give the path of one.", field="url")
        dirty = ("scratch.txt",) if (Path(url) / "scratch.txt").exists() else ()
        return RepoInfo(url=url, branch="main", branches=("main", "other"), head=self.keep(Path(url)), dirty=dirty)

    def keep(self, folder: Path) -> str:
        files = sorted(p for p in folder.rglob("*") if p.is_file())
        told = "".join(f"{p.relative_to(folder)}\0{p.read_text()}\0" for p in files)
        commit = hashlib.sha256(told.encode()).hexdigest()[:40]
        if not (self.copies / commit).exists():
            shutil.copytree(folder, self.copies / commit)
        return commit

    async def prepare(self, project, into, *, base=None, start=None, say) -> Workspace:
        base = base or self.keep(Path(project.url))
        shutil.copytree(self.copies / (start or base), into)
        return FolderWorkspace(self, into, base)

    async def reopen(self, project: Project, path: Path, base: str) -> Workspace:
        return FolderWorkspace(self, path, base)

    def _texts(self, commit: str) -> dict[str, str]:
        root = self.copies / commit
        return {str(p.relative_to(root)): p.read_text() for p in root.rglob("*") if p.is_file()}

    async def changes(self, project: Project, base: str, head: str) -> list[FileChange]:
        old, new = self._texts(base), self._texts(head)
        return [
            FileChange(path=path, status="modified" if path in old else "added", added=1, deleted=int(path in old))
            for path in sorted(new)
            if old.get(path) != new[path]
        ]

    async def diff(self, project: Project, base: str, head: str, path: str | None = None) -> str:
        old, new = self._texts(base), self._texts(head)
        paths = [p for p in sorted(new) if old.get(p) != new[p] and path in (None, p)]
        both = [(old.get(p, "").splitlines(True), new[p].splitlines(True), f"a/{p}", f"b/{p}") for p in paths]
        return "".join(line for pair in both for line in difflib.unified_diff(*pair))

    async def deliver(self, project: Project, change: Change, *, strategy: str, message: str, author: str) -> Delivery:
        if (Path(project.url) / "refuse").exists():
            raise Conflict("The branch cannot be pushed to: it is protected.")
        shutil.copytree(self.copies / change.head, project.url, dirs_exist_ok=True)
        return Delivery(branch=project.branch, commit=change.head)

    async def forget(self, project: Project) -> None:
        pass


class OneModel(Llm):
    name = "scripted"

    async def models(self, tenant_id: str) -> list[Model]:
        return [Model(name="echo", provider="scripted", window=1000, note="answers nothing")]

    def kinds(self) -> list[ProviderKind]:
        key = ProviderField(name="key", label="Key", secret=True)
        region = ProviderField(name="region", label="Region", example="moon")
        models = ProviderField(name="models", label="Models", many=True)
        return [
            ProviderKind(name="openai", label="OpenAI", fields=(key,)),
            ProviderKind(name="cloud", label="A cloud", fields=(region, models, key)),
            ProviderKind(name="ollama", label="Ollama"),
        ]

    async def check(self, provider: Provider) -> str:
        if provider.secret == "sk-old":
            raise Invalid(f"{provider.name} refused the key (401): copy it again.", field="key")
        return f"{provider.name} answers."


class InProcess(Queue):
    name, schemes = "in-process", ("memory",)

    async def open(self, url: str, ears: Ears) -> None:
        self._answer, self._tasks = ears.ring, set()

    async def ring(self, run_id: str) -> None:
        if self._answer:
            task = asyncio.create_task(self._answer(run_id))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()


@click.command("greet")
def greet() -> None:
    """Say hello."""
    click.echo("hello from a plugin")


@hookimpl
def register_agents(settings: Settings):
    return [Scripted(), Missing(settings.agents_home)]


@hookimpl
def register_scms(settings: Settings):
    return [Folders(settings.data_dir / "mirrors")]


@hookimpl
def register_llms(forge: Forge):
    return [OneModel()]


@hookimpl
def register_queues():
    return [InProcess()]


@hookimpl
def register_commands():
    return [greet]


@hookimpl
def lifespan(forge: Forge):
    return _lingering()


@asynccontextmanager
async def _lingering():
    """With SCRIPTED_LINGER the server does not end by itself."""
    yield
    if "SCRIPTED_LINGER" in os.environ:
        print("lingering", flush=True)
        await asyncio.sleep(987)


@hookimpl
def register_health_checks():
    return [Health(name="script", ok=True, detail="is written", version="1")]
