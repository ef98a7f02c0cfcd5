"""Preparing a workspace of 5,000 files, beside `git clone` and `git worktree add` of the same repository."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.rows import Row, row

from codeforge import Project
from codeforge.testing import git, new_repository
from codeforge_scm_git.kind import Git

FILES = 5000
SAMPLES = 5


def _repository(folder: Path) -> Path:
    files = {f"package{n // 100}/module{n}.py": f'"""Module {n}."""\n\nVALUE = {n}\n' * 10 for n in range(FILES)}
    return new_repository(folder / "repository", **files)


async def _prepare(scm: Git, project: Project, into: Path) -> float:
    began = time.perf_counter()
    workspace = await scm.prepare(project, into, say=lambda text: None)
    took = time.perf_counter() - began
    await workspace.remove()
    return took


def _git(repository: Path, *arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run(["git", *arguments], cwd=repository, check=True, capture_output=True)
    return time.perf_counter() - began


async def _measure(folder: Path) -> list[Row]:
    repository = await asyncio.to_thread(_repository, folder)
    project = Project(
        id="bench", tenant_id="t", name="bench", url=str(repository), scm="git", branch="main", agent="", model="",
        created_at=datetime.now(UTC),
    )  # fmt: skip
    scm = Git(folder / "mirrors")
    first = await _prepare(scm, project, folder / "first")
    ours, clones, worktrees = [], [], []
    for n in range(SAMPLES):
        ours.append(await _prepare(scm, project, folder / f"workspace{n}"))
        clones.append(
            await asyncio.to_thread(_git, repository, "clone", "-q", str(repository), str(folder / f"clone{n}"))
        )
        tree = str(folder / f"tree{n}")
        worktrees.append(await asyncio.to_thread(_git, repository, "worktree", "add", "--detach", tree))
        git(repository, "worktree", "remove", tree)
    name, prepared = f"workspace of {FILES:,} files", statistics.median(ours) * 1000
    clone, worktree = (statistics.median(figures) * 1000 for figures in (clones, worktrees))
    return [
        row(f"{name}, first time with the mirror", first * 1000, "ms", "git clone (local)", clone),
        row(name, prepared, "ms", "git clone (local)", clone),
        row(name, prepared, "ms", "git worktree add", worktree),
    ]


def measure() -> list[Row]:
    """The mirror's fetch included, each in turns; in memory where that can be had: disks differ by the minute."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        return asyncio.run(_measure(Path(folder)))
