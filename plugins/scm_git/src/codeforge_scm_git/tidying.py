"""Keeping mirrors small: loose objects go into packs, small packs into larger ones; no object is ever dropped.

Workspaces borrow the mirror's objects, also ones that no reference of the mirror reaches any more. So nothing is
pruned: `git gc` and `git repack -a -d` would be wrong here.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from codeforge_scm_git import tree
from codeforge_scm_git.sealed import Sealed

LOOSE, PACKS = 1000, 20
"""Loose objects and packs that a mirror may have before it is worth packing."""
DAY = 86_400.0


def mirrors(folder: Path) -> dict[str, Path]:
    """The mirrors in ``folder`` by project id."""
    return {path.name.removesuffix(".git"): path for path in folder.glob("*.git") if (path / "HEAD").is_file()}


def pack(mirror: Path) -> None:
    """Pack the mirror when it has become many files. Raises `GitError`."""
    _sweep(mirror / "objects")
    git = Sealed(mirror)
    told = dict(line.split(": ", 1) for line in git("count-objects", "-v").decode().splitlines())
    if int(told["count"]) > LOOSE or int(told["packs"]) > PACKS:
        git("repack", "--geometric=2", "-d", "-l", "-q")


def remove(folder: Path, project_id: str) -> None:
    """Delete a mirror with everything that only it has."""
    tree.remove(folder / f"{project_id}.git")
    for lock in folder.glob(f"{project_id}.*.lock"):
        lock.unlink(missing_ok=True)


def _sweep(objects: Path) -> None:
    """Delete what a git that was killed, or ran out of disk, left half written more than a day ago."""
    for name in ("pack/tmp_*", "pack/.tmp-*", "??/tmp_obj_*", "tmp_*"):
        for file in objects.glob(name):
            with suppress(OSError):
                if file.is_file() and time.time() - file.stat().st_mtime > DAY:
                    file.unlink()
