"""What is seen inside, as arguments of bwrap: the system's programs, what a run may read, and what it may write."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from codeforge import Confinement

INSIDE = "/run/codeforge"
"""Where a run finds the bridge and the doors."""
BRIDGE = Path(__file__).with_name("inside")
SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
ETC = (
    "alternatives", "ca-certificates", "ca-certificates.conf", "crypto-policies", "debian_version", "fonts", "inputrc",
    "java-17-openjdk", "java-21-openjdk", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "locale.alias", "localtime",
    "magic", "magic.mime", "mime.types", "os-release", "perl", "pki/tls/certs", "pki/ca-trust/extracted", "protocols",
    "python3", "services", "ssl/certs", "ssl/openssl.cnf", "terminfo", "timezone",
)  # fmt: skip
"""What programs read below /etc that can hold no secret; all else of it stays out."""
MEMORY = ("/tmp", "/dev/shm")  # noqa: S108 (each run has its own)
"""Folders in memory, which everybody inside may write to."""
OWN_ETC = ("group", "hosts", "nsswitch.conf", "passwd")
"""What is written for a run, so that it learns nothing of the machine's users and hosts."""


def system() -> list[str]:
    """The system's programs and libraries, read-only."""
    found = ["--ro-bind", "/usr", "/usr"]
    for name in SYSTEM:
        path = Path("/") / name
        if path.is_symlink():
            found += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            found += ["--ro-bind", str(path), str(path)]
    return found


class Mounts:
    """What a run sees. ``hidden`` are folders of which no whole is shown, however it is asked for."""

    def __init__(self, confinement: Confinement, *, hidden: Iterable[Path]) -> None:
        self._told = confinement
        self._hidden = [path for one in hidden for path in _both(one)]

    def arguments(self, executable: Path | None) -> list[str]:
        """For a command whose program is ``executable``, where that is known."""
        told = self._told
        found = [*system(), "--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev"]
        for folder in MEMORY:
            found += ["--size", str(told.bounds.file_mb * 2**20), "--perms", "1777", "--tmpfs", folder]
        found += ["--remount-ro", "/dev", "--dir", "/var", "--symlink", MEMORY[0], f"/var{MEMORY[0]}"]
        for name in ETC:
            found += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
        for name in OWN_ETC:
            found += ["--ro-bind", str(told.folder / "etc" / name), f"/etc/{name}"]
        found += ["--ro-bind", str(BRIDGE), f"{INSIDE}/bridge"]
        found += ["--ro-bind", str(told.folder / "doors"), f"{INSIDE}/doors"]
        readable = [Path(sys.base_prefix), *told.readable]
        if executable is not None:
            readable += prefixes(executable)
        for path in self._shown(readable):
            found += ["--ro-bind-try", str(path), str(path)]
        for path in (told.workspace, told.home, told.state):
            for place in _both(path):
                found += ["--bind", str(path), str(place)]
        return [*found, "--remount-ro", "/"]

    def _shown(self, readable: Iterable[Path]) -> list[Path]:
        """Those that are not there anyway, and hold nothing hidden; outer ones first, so that none covers another."""
        places = {place for path in readable for place in _both(path)}
        kept = [
            path
            for path in places
            if not path.is_relative_to("/usr") and not any(hidden.is_relative_to(path) for hidden in self._hidden)
        ]
        return sorted(kept, key=lambda path: len(path.parts))


def prefixes(executable: Path) -> Iterator[Path]:
    """What a program needs to start: itself, and where it is a Python, that one's prefix, link by link."""
    for _ in range(16):
        prefix = executable.parent.parent
        if executable.name.startswith("python") and _is_python(prefix):
            yield prefix
        else:
            yield executable
        if not executable.is_symlink():
            return
        executable = Path(os.path.normpath(executable.parent / executable.readlink()))


def _is_python(prefix: Path) -> bool:
    return (prefix / "pyvenv.cfg").is_file() or any(prefix.glob("lib/python3*/os.py"))


def _both(path: Path) -> list[Path]:
    """A path as it is written and as it is."""
    return list(dict.fromkeys((path, path.resolve())))
