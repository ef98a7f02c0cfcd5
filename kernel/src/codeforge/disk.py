"""Space on disk: what is free for a worker's files, and what a folder takes."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MOST = 2_000_000
"""Entries of a folder that are looked at: what has more is big enough to be told without counting on."""
KEPT_IN = ("mirrors", "runs")
"""Places of the data folder that may be disks of their own, and that a run fills."""
BLOCK = 512
PROJECT = "project"
"""The file of a run's folder that says whose it is."""


def free_mb(data_dir: Path) -> int:
    """MB (2**20 bytes) free for runs: the least of the disks that they are on. Raises `OSError`."""
    places = [data_dir, *(place for name in KEPT_IN if (place := data_dir / name).is_dir())]
    return min(shutil.disk_usage(place).free for place in places) // 2**20


def is_full(error: BaseException | None) -> bool:
    """Whether ``error``, or what caused it, is a disk without space or a quota that is used up."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__
    return False


def of_projects(data_dir: Path, only: str | None = None) -> dict[str, int]:
    """Bytes that the workspaces in the data folder take, by project id; "" for those that do not say whose they are.

    With ``only`` no other project's files are looked at.
    """
    found: dict[str, int] = {}
    with suppress(OSError):
        for folder in (data_dir / "runs").iterdir():
            project = ""
            with suppress(OSError, UnicodeDecodeError):
                project = (folder / PROJECT).read_text(encoding="ascii")
            if only in (None, project):
                found[project] = found.get(project, 0) + taken(folder)
    return found


def taken(folder: Path) -> int:
    """Bytes on the disk below ``folder``, as `du` counts: what is linked twice once, links themselves, no other disk.

    What cannot be read, or goes meanwhile, counts nothing.
    """
    seen: set[int] = set()
    total = 0
    with suppress(OSError):
        root = folder.lstat()
        total = root.st_blocks * BLOCK
        for found in _below(folder, root.st_dev):
            if found.st_nlink > 1 and found.st_ino in seen:
                continue
            if found.st_nlink > 1:
                seen.add(found.st_ino)
            total += found.st_blocks * BLOCK
    return total


def _below(folder: Path, device: int) -> Iterator[os.stat_result]:
    left, folders = MOST, [str(folder)]
    while folders:
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    found = entry.stat(follow_symlinks=False)
                    if found.st_dev != device:
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    yield found
                left -= 1
                if not left:
                    return
