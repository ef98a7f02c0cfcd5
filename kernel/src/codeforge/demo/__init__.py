"""The demo: a sample repository with a failing test, a task to fix it, and a scripted model."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

from codeforge.forge import Forge
from codeforge.forge.runs import LIVE
from codeforge.model import Principal, Run, RunState

HERE = Path(__file__).parent
MODEL = "replay/demo"
CHECK = "python3 -m unittest -q"
PROMPT = (
    "Fix merge() in intervals.py: touching intervals such as (1, 2) and (3, 4) shall become one, and an interval "
    "inside another must not shorten it. The tests in test_intervals.py say what is expected."
)
WAITING = LIVE | {RunState.REVIEW}


async def stage(forge: Forge, *, fresh: bool = False) -> Run:
    """The demo's run: one that still waits for a person, else a new one on a new sample repository.

    With ``fresh`` always a new one. Raises what `Tasks.submit` raises.
    """
    who = await forge.accounts.admin()
    folder = forge.settings.data_dir / "demo"
    await asyncio.to_thread(_cassette, forge.settings.data_dir / "cassettes" / "demo")
    if not fresh and (waiting := await _waiting(forge, who, folder)):
        return waiting
    repository = await asyncio.to_thread(_sample, folder)
    project = await forge.projects.add(who, str(repository), name=repository.name, model=MODEL, check=CHECK)
    _, run = await forge.tasks.submit(who, project.id, PROMPT, title="Fix merge() for touching intervals")
    assert run
    return run


async def _waiting(forge: Forge, who: Principal, folder: Path) -> Run | None:
    here = str(folder)
    for project in await forge.projects.list(who):
        runs = await forge.runs.list(who, project_id=project.id, limit=1)
        if str(Path(project.url).parent) == here and runs and runs[0].state in WAITING:
            return runs[0]
    return None


def _cassette(folder: Path) -> None:
    shutil.copytree(HERE / "cassette", folder, dirs_exist_ok=True)


def _sample(folder: Path) -> Path:
    """A new repository "intervals-N" in ``folder``, with one commit on main."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 1 + sum(1 for _ in folder.glob("intervals-*"))
    repository = folder / f"intervals-{number}"
    shutil.copytree(HERE / "sample", repository, ignore=shutil.ignore_patterns("__pycache__"))
    (repository / ".gitignore").write_text("__pycache__/\n")
    identity = {"NAME": "Demo", "EMAIL": "demo@localhost"}
    env = {"PATH": os.environ["PATH"], "HOME": str(repository), "GIT_CONFIG_NOSYSTEM": "1"}
    env |= {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in identity.items()}
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "A small library of intervals"]):
        subprocess.run(["git", *command], cwd=repository, env=env, check=True)
    return repository
