"""Folders that an agent has left: making them readable, and deleting them whatever their permissions."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path


def remove(path: Path) -> None:
    """Delete ``path`` with everything below, never what a link points to. Raises `OSError`."""
    for last in (False, True):
        try:
            return shutil.rmtree(path)
        except FileNotFoundError:
            if not path.exists():
                return None
            if last:
                raise
        except OSError:
            if last:
                raise
        unlock(path)
    return None


def unlock(path: Path) -> None:
    """Give the owner back the rights to read files, and to read and change folders."""
    _add(path, stat.S_IRWXU)
    for folder, folders, files in os.walk(path):  # from the top: a folder must be opened before it can be listed
        for name in folders:
            _add(Path(folder, name), stat.S_IRWXU)
        for name in files:
            _add(Path(folder, name), stat.S_IRUSR)


def _add(path: Path, rights: int) -> None:
    mode = path.lstat().st_mode
    if (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) and mode & rights != rights:
        path.chmod(stat.S_IMODE(mode) | rights)
