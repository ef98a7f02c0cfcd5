"""The workspace's repository as Aider sees it: its plain files, listed by git itself."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from aider.repo import GitRepo


class Repository(GitRepo):  # type: ignore[misc]
    """Leaves out what Aider fails on: links (some point outside, some at themselves), submodules, odd names."""

    def get_tracked_files(self) -> list[str]:
        listed = subprocess.run(
            ["git", "ls-files", "--stage", "-z"], cwd=self.root, capture_output=True, check=True, timeout=60
        ).stdout
        entries = (entry.partition("\t") for entry in listed.decode(errors="surrogateescape").split("\0"))
        return [name for mode, _, name in entries if mode.startswith("100") and name.isprintable()]


def repository(workspace: Path, screen: Any, model: Any) -> Repository | None:
    """The repository of ``workspace``; None where it is none, even if a folder above is."""
    if not (workspace / ".git").exists():
        return None
    repo = Repository(screen, [], str(workspace), models=[model])
    return repo if Path(repo.root).resolve() == workspace.resolve() else None
