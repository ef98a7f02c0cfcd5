"""A run's folder on the worker's disk: workspace, the agent's HOME and memory, and what a later life must know."""

from __future__ import annotations

import io
import os
import shutil
import signal
import tarfile
from contextlib import suppress
from pathlib import Path, PurePosixPath

from codeforge.disk import PROJECT

AUTHOR = "CodeForge <codeforge@localhost>"
MEMORY_LIMIT = 32 * 1024 * 1024
TURNS = ".codeforge-turns.json"
"""Where the conversation as CodeForge heard it is in a memory; never in ``state``, where the agent could change it."""
MARK = "CODEFORGE_RUN_FOLDER"
"""An environment variable of everything that works for a run, by which a later life of the worker finds it."""


class RunFolder:
    """``<data>/runs/<run id>-<generation>``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run_id, _, self.generation = path.name.partition("-")
        self.workspace, self.home, self.state = path / "workspace", path / "home", path / "state"
        self.sandbox = path / "sandbox"

    @property
    def ref(self) -> str:
        """The hidden ref that holds this generation's work."""
        return f"refs/codeforge/runs/{self.run_id}/{self.generation}"

    def make(self, memory: bytes | None, project_id: str) -> bytes:
        """Make the folder, with the agent's memory of an earlier run in ``state``; gives the turns in that memory."""
        for folder in (self.path, self.home, self.state):
            folder.mkdir(parents=True, mode=0o700)
        (self.path / PROJECT).write_text(project_id, encoding="ascii")
        if memory:
            with tarfile.open(fileobj=io.BytesIO(memory)) as archive:
                _unpack(archive, self.state)
        turns = self.state / TURNS
        told = turns.read_bytes() if turns.is_file() else b""
        turns.unlink(missing_ok=True)
        return told

    def memory(self, turns: str = "", *, alone: bool = False) -> bytes | None:
        """The ``turns`` and the agent's state as an archive of files and folders, without what is more than 32 MiB.

        None where there is nothing to keep: turns count only beside a state, or ``alone`` where the agent has none.
        """
        files = [path for path in self.state.rglob("*") if path.is_file() and not path.is_symlink()]
        if not files and not alone:
            return None
        fits = sum(path.stat().st_size for path in files) <= MEMORY_LIMIT
        if not turns and not fits:
            return None
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            if fits:
                archive.add(self.state, ".", filter=_kept)
            if turns:
                info = tarfile.TarInfo(TURNS)
                info.size = len(turns.encode())
                archive.addfile(info, io.BytesIO(turns.encode()))
        return buffer.getvalue()

    def note_base(self, base: str) -> None:
        """Write down what the change is measured against."""
        (self.path / "base").write_text(base, encoding="utf-8")

    def forget_base(self) -> None:
        """Say that the work is kept elsewhere, so that a folder half removed never replaces it."""
        (self.path / "base").unlink(missing_ok=True)

    def base(self) -> str | None:
        """What `note_base` wrote, or None: there is nothing to save."""
        with suppress(OSError):
            return (self.path / "base").read_text(encoding="utf-8")
        return None

    def mark(self) -> dict[str, str]:
        """The environment mark of everything that works in this folder."""
        return {MARK: str(self.path)}

    def end_processes(self) -> None:
        """Kill whatever carries this folder's mark: a shim that was itself killed could not."""
        mark = f"{MARK}={self.path}".encode()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with suppress(OSError):
                    if mark in (entry / "environ").read_bytes().split(b"\0"):
                        os.kill(int(entry.name), signal.SIGKILL)

    def remove(self) -> None:
        """Delete the folder. The workspace has been removed by its kind of repository before."""
        shutil.rmtree(self.path, ignore_errors=True)


def _kept(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Files and folders, but no turns that the agent made up."""
    ours = PurePosixPath(info.name) == PurePosixPath(TURNS)
    return info if (info.isreg() or info.isdir()) and not ours else None


def _unpack(archive: tarfile.TarFile, into: Path) -> None:
    """Write an archive's files and folders below ``into``, and nothing else of it; older Pythons have no filter."""
    for member in archive:
        parts = PurePosixPath(member.name).parts
        if ".." in parts or "/" in parts[:1]:
            continue
        target = into / member.name
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True, mode=0o700)
        elif member.isreg() and (file := archive.extractfile(member)):
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with target.open("xb") as out:
                shutil.copyfileobj(file, out)
            target.chmod(member.mode & 0o700)
