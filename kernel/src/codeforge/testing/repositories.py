"""Git repositories for tests, made and asked as a developer would."""

import subprocess
from pathlib import Path

_GIT = ["git", "-c", "user.name=Dev", "-c", "user.email=dev@localhost", "-c", "init.defaultBranch=main"]


def git(folder: Path, *arguments: str, strip: bool = True) -> str:
    """Run git in ``folder``; gives its output, stripped. Raises `subprocess.CalledProcessError`."""
    done = subprocess.run([*_GIT, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip() if strip else done.stdout


def new_repository(folder: Path, **files: str) -> Path:
    """A repository with the given files (by default a.txt) in one commit on main; gives its folder."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    for name, text in (files or {"a.txt": "a\n"}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder
