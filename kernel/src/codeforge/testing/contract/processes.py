"""The processes of a job, as /proc tells of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Found:
    """One living process; what cannot be read, because it has just ended, is empty."""

    pid: int

    def read(self, name: str) -> bytes:
        with suppress(OSError):
            return Path(f"/proc/{self.pid}/{name}").read_bytes()
        return b""

    @property
    def command(self) -> str:
        return self.read("cmdline").replace(b"\0", b" ").decode(errors="replace").strip()

    @property
    def environment(self) -> bytes:
        return self.read("environ")

    @property
    def parent(self) -> int:
        """The process id of its parent; 0 where it has just ended."""
        figures = self.read("stat").rpartition(b")")[2].split()
        return int(figures[1]) if figures else 0

    @property
    def memory(self) -> int:
        """Bytes of memory that it has for itself."""
        figures = self.read("statm").split()
        return (int(figures[1]) - int(figures[2])) * PAGE if figures else 0

    @property
    def open_files(self) -> list[Path]:
        with suppress(OSError):
            return [link.resolve() for link in Path(f"/proc/{self.pid}/fd").iterdir()]
        return []


def alive(marked: Mapping[str, str]) -> list[Found]:
    """The processes with this mark in their environment; not those that are dead already."""
    [(name, value)] = marked.items()
    mark = f"{name}={value}".encode()
    return [one for one in _all() if mark in one.environment.split(b"\0")]


def mentioning(text: str) -> list[Found]:
    """The living processes with ``text`` anywhere in their command line or environment."""
    return [one for one in _all() if text.encode() in one.read("cmdline") + b"\0" + one.environment]


def _all() -> list[Found]:
    return [Found(int(entry)) for entry in os.listdir("/proc") if entry.isdigit()]  # noqa: PTH208
