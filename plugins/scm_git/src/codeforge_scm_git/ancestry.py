"""The commits that an agent made itself, taken over from a .git that may be damaged or hostile.

No git ever runs in that .git. Its HEAD is read as text, its object files are linked into a private folder, and only
what the mirror's own git finds sound and complete is packed into the mirror.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from pathlib import Path

from codeforge_scm_git.command import GitError
from codeforge_scm_git.sealed import Sealed

_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LARGEST = 8 << 20


def adopt(mirror: Sealed, path: Path, private: Path, start: str, base: str) -> str:
    """The workspace's HEAD, now in the mirror, if it descends from ``base``; else ``start``."""
    head = _head(path / ".git")
    if head is None or head == start:
        return start
    try:
        if mirror.commit(head) is None:
            _bring(mirror, path / ".git", private, head, start)
        return head if mirror.commit(head) and mirror.descends(head, base) else start
    except (GitError, OSError, ValueError):  # damaged or forged: the files themselves are kept all the same
        return start


def _head(git: Path) -> str | None:
    name = "HEAD"
    for _ in range(5):
        text = _read(git, name)
        if _ID.fullmatch(text):
            return text
        if text.startswith("ref: "):
            name = text.removeprefix("ref: ")
            continue
        packed = re.search(rf"^({_ID.pattern}) {re.escape(name)}$", _read(git, "packed-refs"), re.MULTILINE)
        return packed[1] if packed else None
    return None


def _read(git: Path, name: str) -> str:
    """A small file below ``git``, "" where it is missing, or reached through a link or over ``..``."""
    parts = Path(name).parts
    if ".." in parts or name.startswith("/"):
        return ""
    steps = [git, *(git.joinpath(*parts[: n + 1]) for n in range(len(parts)))]
    try:
        modes = [step.lstat() for step in steps]
        if not all(stat.S_ISDIR(m.st_mode) for m in modes[:-1]) or not stat.S_ISREG(modes[-1].st_mode):
            return ""
        return "" if modes[-1].st_size > _LARGEST else steps[-1].read_text(errors="replace").strip()
    except (OSError, ValueError):
        return ""


def _bring(mirror: Sealed, git: Path, private: Path, head: str, start: str) -> None:
    with tempfile.TemporaryDirectory(prefix="objects-", dir=private) as folder:
        objects = Path(folder)
        _collect(git / "objects", objects)
        quoted = str(objects).replace("\\", "\\\\").replace('"', '\\"')
        env = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": f'"{quoted}"'}
        wanted = f"{head}\n^{start}\n".encode()
        pack = mirror("pack-objects", "--revs", "--stdout", "-q", "--delta-base-offset", stdin=wanted, env=env)
    mirror("index-pack", "--stdin", "--strict", stdin=pack)


def _collect(source: Path, target: Path) -> None:
    """Link loose objects and packs, regular files only: no alternates, no link that leads elsewhere."""
    if source.is_symlink() or source.parent.is_symlink():
        return
    for folder in os.scandir(source):
        if folder.is_dir(follow_symlinks=False) and re.fullmatch(r"[0-9a-f]{2}|pack", folder.name):
            (target / folder.name).mkdir()
            for file in os.scandir(folder):
                if file.is_file(follow_symlinks=False) and re.fullmatch(
                    r"[0-9a-f]{38,62}|pack-\w+\.(pack|idx)", file.name
                ):
                    _link(Path(file.path), target / folder.name / file.name)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # another file system
        shutil.copyfile(source, target)
