"""Whether an agent changed anything, whatever kind of repository it works in."""

from __future__ import annotations

import os
import tempfile

NOT_WORK = {".git", ".svn", ".hg"}


def now(folder: str) -> int:
    """The time as the disk of ``folder`` has it, in nanoseconds: the clock of files is a bit behind."""
    with tempfile.TemporaryFile(dir=folder) as file:
        return os.fstat(file.fileno()).st_ctime_ns


def changed_since(workspace: str, began: int) -> bool:
    """Whether a file or a folder below ``workspace`` was written, made or removed after ``began``."""
    for folder, folders, files in os.walk(workspace):
        folders[:] = [name for name in folders if name not in NOT_WORK]
        for path in (folder, *(f"{folder}/{name}" for name in files)):
            try:
                if os.lstat(path).st_ctime_ns > began:
                    return True
            except OSError:
                continue
    return False
