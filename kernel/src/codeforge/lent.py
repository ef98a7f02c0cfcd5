"""Folders in which an agent writes, too: what it lays there, such as a link to a file outside, is never followed."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from types import TracebackType

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FRESH = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class LentFolder:
    """The folder ``inner`` (several names with "/" between them) of ``top``, to be used by ``with``.

    ``top`` itself is where the agent was put and is trusted. With ``make``, what lacks on the way is made. Everything
    here, entering it too, raises `OSError` where something else lies in the way: a link, a pipe, a folder.
    """

    def __init__(self, top: Path, inner: str = "", *, make: bool = False) -> None:
        self._top, self._names, self._make = top, [name for name in inner.split("/") if name], make

    def __enter__(self) -> LentFolder:
        self._fd = os.open(self._top, _FOLDER)
        try:
            for name in self._names:
                if self._make:
                    with suppress(FileExistsError):
                        os.mkdir(name, 0o700, dir_fd=self._fd)
                inside = os.open(name, _FOLDER, dir_fd=self._fd)
                os.close(self._fd)
                self._fd = inside
        except OSError:
            os.close(self._fd)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._fd)

    def names(self) -> list[str]:
        return os.listdir(self._fd)  # noqa: PTH208 (of a descriptor, not of a path)

    def holds(self, name: str) -> bool:
        return os.access(name, os.F_OK, dir_fd=self._fd, follow_symlinks=False)

    def read(self, name: str, *, most: int) -> str:
        """The text of a file of at most ``most`` bytes. Raises `ValueError` for one that is larger or no text."""
        opened = os.open(name, _READ, dir_fd=self._fd)
        try:
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                raise OSError(f"{name} is no file")
            with os.fdopen(opened, "rb", closefd=False) as file:
                data = file.read(most + 1)
        finally:
            os.close(opened)
        if len(data) > most:
            raise ValueError(f"{name} has more than {most} bytes")
        return data.decode()

    def write(self, name: str, text: str) -> None:
        """Put a file of its own in the place of ``name``, whole or not at all."""
        fresh = f".{secrets.token_hex(8)}.new"
        with os.fdopen(os.open(fresh, _FRESH, 0o600, dir_fd=self._fd), "w", encoding="utf-8") as file:
            try:
                file.write(text)
                file.flush()
                os.replace(fresh, name, src_dir_fd=self._fd, dst_dir_fd=self._fd)
            except BaseException:
                self.remove(fresh)
                raise

    def remove(self, name: str) -> None:
        """Remove a file, or a link itself; nothing where there is none."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._fd)


def drop_git_locks(workspace: Path) -> None:
    """Remove what a git that was killed leaves in the checkout ``workspace``, and never anything elsewhere."""
    with suppress(OSError), LentFolder(workspace, ".git") as git:
        for name in git.names():
            if name.endswith(".lock"):
                git.remove(name)
