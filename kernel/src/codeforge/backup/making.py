"""Makes a backup while CodeForge runs: first one state of the database, then what its rows speak of."""

from __future__ import annotations

import asyncio
import os
import tarfile
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from codeforge import __version__
from codeforge.backup.archive import Archive
from codeforge.backup.parts import KEY, chosen
from codeforge.backup.watch import Watch
from codeforge.boot import open_forge
from codeforge.errors import Conflict, NotFound, Unavailable
from codeforge.forge import Forge, rows
from codeforge.settings import Settings
from codeforge.store import Door, dump, sqlite_path
from codeforge.store import tables as t


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A finished backup. ``left_out`` says of which projects nothing could be kept, and why."""

    path: Path
    bytes: int
    manifest: dict[str, Any]
    left_out: tuple[str, ...]


async def make(
    settings: Settings,
    path: Path,
    watch: Watch,
    *,
    only: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
) -> Made:
    """Write a backup to the new file ``path``; one that ends in .gz or .tgz is compressed.

    The file appears when it is whole. Raises `Invalid` for unknown parts, `Conflict` for a file that is there, and
    `Unavailable` when the disk or the database does not let it.
    """
    parts = chosen(only, without)
    _must_be_new(path)
    _must_be_lived_in(settings)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with tempfile.TemporaryDirectory(prefix=".codeforge-backup-", dir=path.parent) as folder:
            async with open_forge(settings) as (forge, _):
                making = _Making(forge, parts, watch, Path(folder))
                manifest = await making.write(unfinished, compressed=path.suffix in (".gz", ".tgz"))
        size = _finish(unfinished, path)
    except OSError as error:
        raise Unavailable(f"The backup {path} cannot be written: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return Made(path=path, bytes=size, manifest=manifest, left_out=tuple(making.left_out))


def _must_be_new(path: Path) -> None:
    if path.exists():
        raise Conflict(f"{path} is there already: choose another name.")


def _must_be_lived_in(settings: Settings) -> None:
    file = sqlite_path(settings.data_dir, settings.database_url)
    if file and not file.exists():
        raise NotFound(f"There is no database {file}, so nothing to back up: is this the right data folder?")


def _finish(unfinished: Path, path: Path) -> int:
    _must_be_new(path)
    unfinished.rename(path)
    return path.stat().st_size


class _Making:
    def __init__(self, forge: Forge, parts: tuple[str, ...], watch: Watch, folder: Path) -> None:
        self._forge, self._parts, self._watch, self._folder = forge, parts, watch, folder
        self._home, self._key = forge.settings.data_dir, forge.settings.key_path
        self.left_out: list[str] = []

    async def write(self, path: Path, *, compressed: bool) -> dict[str, Any]:
        keys = self._keys()
        facts = await self._watch.over(self._forge.store.read(None, self._dump))
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as file, tarfile.open(fileobj=file, mode="w:gz" if compressed else "w") as tar:
            archive = Archive(tar, self._watch)
            for table in sorted((self._folder / "database").glob("*")):
                await self._add(archive, table, f"database/{table.name}")
            if "mirrors" in self._parts:
                facts["mirrors"] = await self._mirrors(archive)
            if "cassettes" in self._parts:
                for cassette in sorted((self._home / "cassettes").rglob("*")):
                    if cassette.is_file():
                        with suppress(FileNotFoundError):  # removed meanwhile
                            await self._add(archive, cassette, str(cassette.relative_to(self._home)))
            if keys := [*dict.fromkeys([*self._keys(), *keys])]:  # they may have been changed during the dump
                (self._folder / KEY).write_bytes(b"\n".join(keys) + b"\n")
                await self._add(archive, self._folder / KEY, KEY)
            return archive.seal(facts)

    def _keys(self) -> list[bytes]:
        return self._key.read_bytes().split() if "key" in self._parts and self._key.exists() else []

    def _dump(self, door: Door) -> dict[str, Any]:
        dump.unhurried(door)
        facts = {
            "version": __version__,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "parts": self._parts,
            "migrations": dump.migrations(door),
        }
        self._projects = [rows.project(row) for row in door.all(t.Project)]
        if "database" not in self._parts:
            return facts
        folder, counted = self._folder / "database", dict[str, int]()
        folder.mkdir(exist_ok=True)
        for table in t.TABLES:
            name = table._meta.table_name
            lines = dump.lines(door, table, self._watch.step(f"table {name}"))
            with (folder / f"{name}.jsonl").open("wb") as file:
                file.write(next(lines))  # the columns
                counted[name] = sum(1 for line in lines if file.write(line))
        return {**facts, "rows": counted, "counters": dump.counters(door)}

    async def _mirrors(self, archive: Archive) -> int:
        kept = 0
        for project in self._projects:
            into = self._folder / "mirrors" / project.id
            into.mkdir(parents=True)
            told = self._watch.step(f"mirror of {project.name}")
            try:
                await self._forge.projects.scm(project.scm).backup(project, into)
            except Exception as error:  # one repository that is damaged must not cost all others their backup
                self.left_out.append(f"{project.name}: {error}")
                continue
            for file in sorted(into.iterdir()):
                await self._add(archive, file, f"mirrors/{project.id}/{file.name}")
                file.unlink()
                kept += 1
            told(1)
        return kept

    async def _add(self, archive: Archive, path: Path, name: str) -> None:
        await self._watch.over(asyncio.to_thread(archive.add, path, name))
