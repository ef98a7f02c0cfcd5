"""What a project takes on disks: its mirror and workspaces on the server, its packs in the database, its workers."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codeforge import disk
from codeforge.model import Principal
from codeforge.store import Door, fn
from codeforge.store import tables as t

if TYPE_CHECKING:
    from codeforge.forge import Forge

FRESH = 30.0
"""Seconds for which a measure is good: it walks through every file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerDisk:
    """What a project takes on the disk of one worker elsewhere, in MB, as that one said last."""

    name: str
    mb: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectDisk:
    """What a project takes, in bytes. ``limit_mb`` is the project's own, for each worker's disk; None: none."""

    mirror: int
    workspaces: int
    packs: int
    workers: tuple[WorkerDisk, ...]
    limit_mb: int | None

    @property
    def here(self) -> int:
        """Bytes on this server's disk, beside the database."""
        return self.mirror + self.workspaces


def short_of_room(door: Door, lease: float) -> bool:
    """Whether there are workers, but each that is alive said that its disk is full: then queued runs wait for room."""
    alive = door.all(t.Worker, t.Worker.revoked_at.is_null(), t.Worker.seen_at > door.now() - lease)
    return bool(alive) and all((row["disk"] or {}).get("full") for row in alive)


class Space:
    """Measures in a thread, and remembers for half a minute."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._workspaces: dict[str, int] = {}
        self._mirrors: dict[str, tuple[float, int]] = {}
        self._at = float("-inf")
        self._alone = asyncio.Lock()

    async def of(self, who: Principal, project_id: str) -> ProjectDisk:
        """What a project takes. Raises `NotFound`."""
        project = await self._forge.projects.get(who, project_id)
        packs, workers = await self._forge.store.read(who.tenant_id, _told, project_id)
        async with self._alone:
            now = time.monotonic()
            if now - self._at > FRESH:
                self._workspaces = await asyncio.to_thread(disk.of_projects, self._forge.settings.data_dir)
                self._at = now
            if now - self._mirrors.get(project_id, (float("-inf"), 0))[0] > FRESH:
                scm = self._forge.offers.scms.get(project.scm)
                mirror = (await scm.mirrors()).get(project_id) if scm else None
                self._mirrors[project_id] = now, await asyncio.to_thread(disk.taken, mirror) if mirror else 0
        return ProjectDisk(
            mirror=self._mirrors[project_id][1],
            workspaces=self._workspaces.get(project_id, 0),
            packs=packs,
            workers=workers,
            limit_mb=project.disk_mb,
        )


def _told(door: Door, project_id: str) -> tuple[int, tuple[WorkerDisk, ...]]:
    size = fn.COALESCE(fn.SUM(fn.LENGTH(t.Pack.data)), 0).alias("size")
    [packs] = door.rows(door.query(t.Pack, t.Pack.project_id == project_id).select(size))
    elsewhere = door.all(t.Worker, t.Worker.token_hash.is_null(False), t.Worker.revoked_at.is_null())
    taken = [(row["name"], ((row["disk"] or {}).get("projects") or {}).get(project_id, 0)) for row in elsewhere]
    return int(packs["size"]), tuple(WorkerDisk(name=name, mb=mb) for name, mb in taken if mb)
