"""The file of a backup: a tar whose last entry, the manifest, holds the checksum of every other one."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from codeforge.backup.parts import FORMAT, MANIFEST
from codeforge.backup.watch import Watch
from codeforge.errors import Invalid

CHUNK = 1 << 20
Facts = dict[str, Any]


class _Hashed:
    """Reads ``size`` bytes of a file and adds them to a checksum."""

    def __init__(self, file: IO[bytes], told: Callable[[int], None]) -> None:
        self._file, self._told, self.sum = file, told, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.sum.update(data)
        self._told(len(data))
        return data


class Archive:
    """A backup that is being written. Without `seal` it is none."""

    def __init__(self, tar: tarfile.TarFile, watch: Watch) -> None:
        self._tar, self._watch = tar, watch
        self._files: dict[str, Facts] = {}

    def add(self, path: Path, name: str) -> None:
        """Put a file in as it is at this moment. Raises `OSError`."""
        with path.open("rb") as file:
            entry = self._tar.gettarinfo(arcname=name, fileobj=file)
            entry.mode, entry.uname, entry.gname, entry.uid, entry.gid = 0o600, "", "", 0, 0
            hashed = _Hashed(file, self._watch.step(name))
            self._tar.addfile(entry, hashed)
        self._files[name] = {"size": entry.size, "sha256": hashed.sum.hexdigest()}

    def seal(self, facts: Facts) -> Facts:
        """Write the manifest, which makes the backup whole; gives it."""
        manifest = {"format": FORMAT, **facts, "files": self._files}
        data = json.dumps(manifest, indent=1).encode()
        entry = tarfile.TarInfo(MANIFEST)
        entry.size, entry.mode = len(data), 0o600
        self._tar.addfile(entry, io.BytesIO(data))
        return manifest


def examined(path: Path, watch: Watch) -> Facts:
    """The manifest of a backup in which every checksum is right. Raises `Invalid`."""
    told = watch.step("checksums")
    sums: dict[str, Facts] = {}
    manifest: Facts | None = None
    with _opened(path) as tar:
        for entry in tar:
            file = tar.extractfile(entry)
            if file is None or manifest is not None:
                raise Invalid(f"{path} is no backup of CodeForge: {entry.name} does not belong there.")
            if entry.name == MANIFEST:
                manifest = json.loads(file.read())
                continue
            found, size = hashlib.sha256(), 0
            while data := file.read(CHUNK):
                found.update(data)
                size += len(data)
                told(len(data))
            sums[entry.name] = {"size": size, "sha256": found.hexdigest()}
    if not isinstance(manifest, dict) or "files" not in manifest:
        raise Invalid(f"{path} is no whole backup of CodeForge: its end, the manifest, is missing.")
    if manifest.get("format", 0) > FORMAT:
        raise Invalid(f"{path} was made by a newer CodeForge ({manifest.get('version')}): install that one.")
    for name in sorted(sums.keys() | manifest["files"].keys()):
        if sums.get(name) != manifest["files"].get(name):
            raise Invalid(f"{path} is damaged: {name} is not what it was when the backup was made.")
    return manifest


def unpack(path: Path, into: Path, wanted: Callable[[str], bool], watch: Watch) -> None:
    """Write the wanted files of an examined backup below the folder ``into``."""
    with _opened(path) as tar:
        for entry in tar:
            if not wanted(entry.name):
                continue
            if (parts := PurePosixPath(entry.name).parts) and (parts[0] == "/" or ".." in parts):
                raise Invalid(f"{path} is no backup of CodeForge: {entry.name} does not belong there.")
            file, told = tar.extractfile(entry), watch.step(entry.name)
            assert file
            target = into / entry.name
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with open(target, "xb", opener=_private) as out:
                while data := file.read(CHUNK):
                    out.write(data)
                    told(len(data))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path) as tar:
            yield tar
    except FileNotFoundError:
        raise Invalid(f"There is no file {path}.") from None
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise Invalid(f"{path} is no whole backup of CodeForge: {error}.") from error
