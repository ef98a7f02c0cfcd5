"""A worker's housekeeping: what no run needs goes, once escrow holds what was in it, and mirrors are packed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

from codeforge import disk
from codeforge.coordination import Coordinator
from codeforge.errors import CodeForgeError
from codeforge.forge import Offers
from codeforge.logs import tell
from codeforge.scm import Scm
from codeforge.settings import Settings
from codeforge.worker import leftovers
from codeforge.worker.room import Room
from codeforge.worker.source import Source

log = logging.getLogger(__name__)


class Tidying:
    """``run()`` looks after the data folder for ever.

    ``at_work`` names the run folders that are not to be touched; None is for a server without a worker, which
    looks after its mirrors alone: the workspaces, if there are any, are another process's.
    """

    def __init__(
        self,
        coordinator: Coordinator,
        source: Source,
        offers: Offers,
        settings: Settings,
        *,
        room: Room,
        at_work: Callable[[], set[str]] | None,
    ) -> None:
        self._coordinator, self._source, self._offers, self._settings = coordinator, source, offers, settings
        self._room, self._at_work = room, at_work
        self._told: set[Path] = set()

    async def run(self) -> None:
        """Again and again, first after a while: what an earlier life left was seen to at the start."""
        while True:
            await asyncio.sleep(self._settings.tidy_seconds)
            try:
                await self.once()
            except CodeForgeError as error:
                log.warning("the clean-up was put off: %s", error)
            except Exception:
                log.exception("the clean-up ended by an error of CodeForge or a plugin")

    async def once(self) -> None:
        """Tidy mirrors, save and remove abandoned workspaces, measure."""
        taken: dict[str, int] = {}
        for scm in self._offers.scms.values():
            for project_id, mirror in (await self._mirrors(scm)).items():
                try:
                    await scm.tidy(project_id)
                except CodeForgeError as error:
                    tell(log, "mirror not tidied", level=logging.WARNING, project=project_id, why=str(error))
                taken[project_id] = await asyncio.to_thread(disk.taken, mirror)
        if self._at_work is not None:
            await leftovers.save(
                self._settings.data_dir / "runs",
                self._coordinator,
                self._source,
                self._offers,
                at_work=self._at_work,
                held=False,
                told=self._told,
            )
        for project_id, size in (await asyncio.to_thread(disk.of_projects, self._settings.data_dir)).items():
            taken[project_id] = taken.get(project_id, 0) + size
        self._room.projects = {project_id: size // 2**20 for project_id, size in taken.items() if project_id}

    async def _mirrors(self, scm: Scm) -> dict[str, Path]:
        """The mirrors of projects that there are; those of forgotten ones are removed a day after their last use."""
        mirrors = dict(await scm.mirrors())
        for project_id in await self._coordinator.forgotten(mirrors):
            mirror = mirrors.pop(project_id)
            if time.time() - (await asyncio.to_thread(mirror.stat)).st_mtime > leftovers.GRACE:
                await scm.drop(project_id)
                tell(log, "mirror of a forgotten project removed", project=project_id)
        return mirrors
