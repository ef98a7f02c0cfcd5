"""Restores a backup: everything is prepared beside the data folder's own files, then put in place at once."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from codeforge.backup import archive
from codeforge.backup.parts import KEY, chosen
from codeforge.backup.swap import Swap
from codeforge.backup.watch import Watch
from codeforge.boot import data_folder, only_one
from codeforge.errors import Conflict, Invalid, Unavailable
from codeforge.forge import rows
from codeforge.model import Project
from codeforge.plugins import Plugins
from codeforge.settings import Settings
from codeforge.store import Door, Store, dump, sqlite_path
from codeforge.store import tables as t

STAGE = ".codeforge-restore-"


@dataclass(frozen=True, kw_only=True, slots=True)
class Restored:
    """What came back; ``aside`` is where the files that were there before are now, if there were any."""

    parts: tuple[str, ...]
    manifest: dict[str, Any]
    aside: Path | None
    left_out: tuple[str, ...]


async def restore(
    settings: Settings,
    path: Path,
    watch: Watch,
    *,
    only: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
    force: bool = False,
) -> Restored:
    """Bring a backup, or some parts of it, into the data folder and the database of these settings.

    Raises `Invalid` for a file that is no whole backup, `Conflict` when something is there already (unless
    ``force``), `Unavailable` while a server runs on the folder or the database, and for one from a newer version.
    Then everything is as it was.
    """
    manifest = await watch.over(asyncio.to_thread(archive.examined, path, watch))
    parts = chosen(only, without, manifest["parts"])
    folder = data_folder(settings)
    with only_one(folder):
        for left in folder.glob(f"{STAGE}*"):  # of a restore that was killed
            shutil.rmtree(left, ignore_errors=True)
        stage = Path(tempfile.mkdtemp(prefix=STAGE, dir=folder))
        try:
            return await _Restoring(
                settings=settings, path=path, watch=watch, manifest=manifest, parts=parts, stage=stage
            ).run(force=force)
        except OSError as error:
            raise Unavailable(f"The backup cannot be restored into {folder}: {error.strerror or error}.") from error
        finally:
            shutil.rmtree(stage, ignore_errors=True)


class _Restoring:
    def __init__(
        self,
        *,
        settings: Settings,
        path: Path,
        watch: Watch,
        manifest: dict[str, Any],
        parts: tuple[str, ...],
        stage: Path,
    ) -> None:
        self._settings, self._path, self._watch = settings, path, watch
        self._manifest, self._parts, self._stage = manifest, parts, stage
        self._file = sqlite_path(settings.data_dir, settings.database_url)
        self._swap = Swap(settings.data_dir / f"replaced-{datetime.now(UTC):%Y%m%d-%H%M%S}")
        self._left_out: list[str] = []

    async def run(self, *, force: bool) -> Restored:
        self._plan()
        if (taken := self._swap.taken) and not force:
            names = ", ".join(str(place) for place in taken)
            raise Conflict(
                f"{names} would be replaced: restore into an empty data folder, or say --force, which moves it aside."
            )
        await self._watch.over(asyncio.to_thread(self._unpack))
        if "database" not in self._parts or self._file:
            if "database" in self._parts:
                await self._into_new_file()
            await self._mirrors()
            self._swap.do()
        else:
            await self._into_server(force=force)
        aside = self._swap.aside if self._swap.aside.exists() else None
        return Restored(parts=self._parts, manifest=self._manifest, aside=aside, left_out=tuple(self._left_out))

    def _plan(self) -> None:
        home = self._settings.data_dir
        for part in ("mirrors", "cassettes"):
            if part in self._parts:
                self._swap.put(self._stage / part, home / part)
        if "key" in self._parts and KEY in self._manifest["files"]:
            self._swap.put(self._stage / KEY, self._settings.key_path)
        if "database" in self._parts and self._file:
            self._swap.put(self._stage / "codeforge.db", self._file)
            for more in ("-wal", "-shm"):
                self._swap.clear(self._file.with_name(self._file.name + more))

    def _unpack(self) -> None:
        homes = {"database": "database/", "mirrors": "mirrors/", "cassettes": "cassettes/", "key": KEY}
        wanted = tuple(home for part, home in homes.items() if part in self._parts or part == "database")
        archive.unpack(self._path, self._stage / "files", lambda name: name.startswith(wanted), self._watch)
        for name in ("cassettes", KEY):
            if (unpacked := self._stage / "files" / name).exists():
                unpacked.rename(self._stage / name)
        for name in ("cassettes", "mirrors"):
            (self._stage / name).mkdir(mode=0o700, exist_ok=True)

    def _dumped(self, name: str) -> Iterator[bytes]:
        with (self._stage / "files" / "database" / f"{name}.jsonl").open("rb") as file:
            yield from file

    def _fill(self, door: Door) -> None:
        dump.unhurried(door)
        if newer := sorted(set(self._manifest["migrations"]) - set(dump.migrations(door))):
            raise Unavailable(f"{self._path} was made by a newer CodeForge (it has {newer[-1]}): install that one.")
        dump.clear(door)
        for table in t.TABLES:
            name = table._meta.table_name
            if name in self._manifest["rows"]:
                dump.load(door, table, self._dumped(name), self._watch.step(f"table {name}"))
        dump.set_counters(door, self._manifest["counters"])

    async def _into_new_file(self) -> None:
        store = await Store.open(self._stage)
        try:
            await self._watch.over(store.run(None, self._fill))
        finally:
            await store.close()

    async def _into_server(self, *, force: bool) -> None:
        store = await Store.open(self._stage, self._settings.database_url)
        try:
            if await store.read(None, dump.others):
                raise Unavailable("Servers are running on the database of the setting database_url: stop them first.")
            if not force and await store.read(None, dump.filled):
                raise Conflict(
                    "The database of the setting database_url is not empty: give a new one, or say --force, which "
                    "removes everything that is in it."
                )
            await self._mirrors()

            def work(door: Door) -> None:
                self._fill(door)
                self._swap.do()  # the last act before the commit

            try:
                await self._watch.over(store.run(None, work))
            except BaseException:
                self._swap.undo()
                raise
        finally:
            await store.close()

    async def _mirrors(self) -> None:
        if "mirrors" not in self._parts:
            return
        scms = Plugins(self._settings.disabled_plugins).scms(
            self._settings.model_copy(update={"data_dir": self._stage})
        )
        for project in await self._projects():
            source = self._stage / "files" / "mirrors" / project.id
            if not source.is_dir():
                continue
            told = self._watch.step(f"mirror of {project.name}")
            if project.scm not in scms:
                self._left_out.append(f"{project.name}: no plugin for {project.scm} repositories is installed")
                continue
            try:
                await scms[project.scm].restore(project, source)
            except Invalid as error:
                self._left_out.append(f"{project.name}: {error}")
            told(1)

    async def _projects(self) -> list[Project]:
        if "rows" in self._manifest:
            return [rows.project(row) for row in dump.rows(t.Project, self._dumped("project"))]
        store = await Store.open(self._settings.data_dir, self._settings.database_url)
        try:
            return [rows.project(row) for row in await store.read(None, lambda door: door.all(t.Project))]
        finally:
            await store.close()
