"""A full disk and a clock that jumps: the two parts of a world that need Debian packages or root."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

from codeforge.testing import PrivatePostgres

_LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


class SmallDisk:
    """A disk of a few megabytes at ``folder`` (needs root)."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder, self._size = folder, megabytes

    def __enter__(self) -> SmallDisk:
        self.folder.mkdir(parents=True)
        options = f"size={self._size}m,mode=0700"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "chaos", str(self.folder)], check=True)
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "--lazy", str(self.folder)], check=False)

    def fill(self) -> None:
        """Leave no byte free."""
        with suppress(OSError), (self.folder / "ballast").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def empty(self) -> None:
        """Make room again."""
        (self.folder / "ballast").unlink(missing_ok=True)


class ClockedPostgres(PrivatePostgres):
    """A PostgreSQL whose clock can be moved, where Debian's libfaketime is installed."""

    possible = _LIBRARY is not None
    offset = _latest = 0.0

    def _prepare(self) -> None:
        super()._prepare()
        self._file = self.folder / "clock"
        self.jump(0)
        self._file.chmod(0o644)

    def _as_nobody(self, command: str, *arguments: str) -> list[str]:
        words = super()._as_nobody(command, *arguments)
        if command != "postgres":
            return words
        clock = [f"LD_PRELOAD={_LIBRARY}", f"FAKETIME_TIMESTAMP_FILE={self._file}", "FAKETIME_CACHE_DURATION=1"]
        at = len(words) - len(arguments) - 1
        return [*words[:at], "env", *clock, "FAKETIME_DONT_FAKE_MONOTONIC=1", *words[at:]]

    def jump(self, seconds: float) -> None:
        """Move the clock; the server sees it within a second."""
        self.offset += seconds
        self._latest = max(self._latest, self.offset)
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{self.offset:+.0f}s\n")
        fresh.chmod(0o644)
        fresh.replace(self._file)

    def set_right(self) -> None:
        """Set the clock to a time that is later than all that it has told."""
        self.jump(self._latest - self.offset)
