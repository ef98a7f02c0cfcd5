"""Keeping mirrors small: loose objects go into packs, small packs into larger ones; no object is ever dropped.

Workspaces borrow the mirror's objects, also ones that no reference of the mirror reaches any more. So nothing is
pruned: `git gc` and `git repack -a -d` would be wrong here.
"""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path

from codeforge_scm_git import tree
from codeforge_scm_git.sealed import Sealed

LOOSE, PACKS = 1000, 20
"""Loose objects and packs that a mirror may have before it is worth packing."""
HALVES = ("pack/tmp_*", "??/tmp_obj_*", "tmp_*")
ABANDONED = 300.0
"""Seconds after which a half that nobody has open is nobody's."""


def mirrors(folder: Path) -> dict[str, Path]:
    """The mirrors in ``folder`` by project id."""
    return {path.name.removesuffix(".git"): path for path in folder.glob("*.git") if (path / "HEAD").is_file()}


def pack(mirror: Path) -> None:
    """Pack the mirror when it has become many files. Raises `GitError`."""
    _sweep(mirror / "objects")
    git = Sealed(mirror)
    told = dict(line.split(": ", 1) for line in git("count-objects", "-v").decode().splitlines())
    worth_it = int(told["count"]) > LOOSE or int(told["packs"]) > PACKS
    most = (int(told["size"]) + int(told["size-pack"])) * 1024
    if worth_it and shutil.disk_usage(mirror).free > most:
        git("repack", "--geometric=2", "-d", "-l", "-q")


def remove(folder: Path, project_id: str) -> None:
    """Delete a mirror with everything that only it has."""
    tree.remove(folder / f"{project_id}.git")
    for lock in folder.glob(f"{project_id}.*.lock"):
        lock.unlink(missing_ok=True)


def _sweep(objects: Path) -> None:
    """Delete what a git that was killed, or found the disk full, left half written: each try would leave more."""
    old = [file for name in HALVES for file in objects.glob(name) if _age(file) > ABANDONED]
    if old:
        written = _open_files()
        for file in old:
            with suppress(OSError):
                found = file.stat()
                if (found.st_dev, found.st_ino) not in written:
                    file.unlink()


def _age(file: Path) -> float:
    with suppress(OSError):
        return time.time() - file.stat().st_mtime
    return 0.0


def _open_files() -> set[tuple[int, int]]:
    """What processes of this user have open: a fetch may write for hours."""
    found = set()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            there = link.stat()
            found.add((there.st_dev, there.st_ino))
    return found
