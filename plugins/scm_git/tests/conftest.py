"""Real repositories, a home of their own for git's configuration, and projects on them."""

import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from codeforge import Change, Project, Scm, Workspace
from codeforge.scm import summarise
from codeforge_scm_git.kind import Git

REF = "refs/codeforge/runs/run1/1"
AUTHOR = "Ada Lovelace <ada@example.org>"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder whose git configuration is a person's."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith(("GIT_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    (folder / ".gitconfig").write_text(
        "[user]\n\tname = Olga\n\temail = olga@example.org\n[init]\n\tdefaultBranch = main\n"
    )
    return folder


class Repo:
    """A repository to play with."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def git(self, *args: str, stdin: bytes = b"", check: bool = True) -> str:
        done = subprocess.run(["git", *args], cwd=self.path, input=stdin, capture_output=True, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout.decode(errors="surrogateescape").strip()

    def write(self, files: dict[str, str | bytes]) -> None:
        for name, content in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, files: dict[str, str | bytes] | None = None, message: str = "change") -> str:
        self.write(files or {})
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def show(self, commit: str, name: str) -> str:
        return self.git("show", f"{commit}:{name}")

    def state(self) -> tuple[str, str]:
        """All references, and what is not committed: equal before and after what must not touch it."""
        return self.git("for-each-ref"), self.git("status", "--porcelain")


@pytest.fixture
def new_repo(tmp_path: Path) -> Callable[..., Repo]:
    def make(name: str = "origin", files: dict[str, str | bytes] | None = None, bare: bool = False) -> Repo:
        path = tmp_path / name
        subprocess.run(["git", "init", "-q", *(["--bare"] if bare else []), str(path)], check=True)
        repo = Repo(path)
        if not bare:
            repo.commit(files or {"a.py": "print('a')\n", "docs/b.md": "one\ntwo\nthree\n"}, "first")
        return repo

    return make


@pytest.fixture
def origin(new_repo: Callable[..., Repo]) -> Repo:
    """A person's repository in a local folder, main checked out."""
    return new_repo()


class Desk:
    """A Git scm with one project: prepares workspaces, and delivers what is in them."""

    def __init__(self, root: Path, url: str) -> None:
        self.root = root
        self.scm: Scm = Git(root / "mirrors")
        self.project = project(url)
        self.told: list[str] = []
        self.mirror = Repo(root / "mirrors" / "p1.git")
        self._count = 0

    async def prepare(self, **options: Any) -> Workspace:
        self._count += 1
        into = self.root / "workspaces" / f"w{self._count}"
        return await self.scm.prepare(self.project, into, say=self.told.append, **options)

    async def escrow(self, workspace: Workspace, message: str = "the work", ref: str = REF) -> Change:
        head = await workspace.escrow(ref, message, AUTHOR)
        return summarise(workspace.base, head, await self.scm.changes(self.project, workspace.base, head))

    async def change(self, files: dict[str, str | bytes], **options: Any) -> Change:
        """A change of ``files`` that an agent made in a workspace."""
        workspace = await self.prepare(**options)
        Repo(workspace.path).write(files)
        change = await self.escrow(workspace, ref=f"refs/codeforge/runs/run{self._count}/1")
        await workspace.remove()
        return change

    async def deliver(self, change: Change, strategy: str = "merge", message: str = "Add it") -> str:
        delivery = await self.scm.deliver(self.project, change, strategy=strategy, message=message, author=AUTHOR)
        assert delivery.branch == self.project.branch
        return delivery.commit

    def files(self, commit: str) -> dict[str, str]:
        """Mode by path of all that is in a commit of the mirror."""
        out = self.mirror.git("ls-tree", "-r", "-z", commit)
        return {entry.split("\t", 1)[1]: entry[:6] for entry in out.split("\0") if entry}


def project(url: str, **fields: Any) -> Project:
    given = {"id": "p1", "tenant_id": "t1", "name": "demo", "scm": "git", "branch": "main", "agent": "a", "model": "m"}
    return Project(**{**given, "created_at": datetime.now(UTC), "url": url, **fields})


@pytest.fixture
def desk(tmp_path: Path, origin: Repo) -> Desk:
    return Desk(tmp_path, str(origin.path))


@pytest.fixture
def desk_on(tmp_path: Path) -> Callable[[str], Desk]:
    return lambda url: Desk(tmp_path, url)


@pytest.fixture
def repo_at() -> Callable[[Path], Repo]:
    return Repo
