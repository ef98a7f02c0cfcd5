"""The data folder: there, writable, and held by one process."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from codeforge.errors import Unavailable
from codeforge.settings import Settings


class Taken(Unavailable):
    """Another server or worker holds the data folder."""


def data_folder(settings: Settings) -> Path:
    """The data folder, made for its owner alone. Raises `Unavailable` when it cannot be written."""
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = folder / ".probe"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise Unavailable(
            f"The data folder {folder} cannot be written ({error.strerror}): "
            "mend its rights, or choose another with CODEFORGE_DATA_DIR."
        ) from error
    return folder


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the data folder: its mirrors and workspaces belong to one process. Raises `Taken`."""
    with (folder / "server.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Taken(
                f"Another CodeForge is running on {folder}: use that one, stop it, or choose another folder."
            ) from error
        yield
