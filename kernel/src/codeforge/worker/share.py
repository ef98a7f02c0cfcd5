"""A project's share of its worker's disk: asked for before a run, looked after while it goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from codeforge import disk
from codeforge.errors import RunFailure
from codeforge.model import Project, Reason
from codeforge.scm import Scm

LOOK_SECONDS = 10.0
"""Between two looks at what a project with a budget takes of the disk."""


class DiskShare:
    """What ``project`` may take of the disk by its setting disk_mb: any amount where that is not set."""

    def __init__(self, project: Project, scm: Scm | None, data_dir: Path) -> None:
        self._project, self._scm, self._data_dir = project, scm, data_dir
        self.over = ""
        """Why a run was cut off, once it was."""

    async def hold(self) -> None:
        """Refuse a run whose project takes more than it may. Raises `RunFailure`."""
        if trouble := await self._trouble():
            raise RunFailure(Reason.WORKSPACE_ERROR, trouble)

    async def watch(self, work: asyncio.Task[Any]) -> None:
        """Cut ``work`` off when the project comes to take more than it may."""
        while self._project.disk_mb is not None and not self.over:
            await asyncio.sleep(LOOK_SECONDS)
            if trouble := await self._trouble():
                self.over = trouble
                work.cancel()

    async def _trouble(self) -> str:
        most = self._project.disk_mb
        if most is None or (taken := await self._taken_mb()) <= most:
            return ""
        return (
            f"The project takes {taken:,} MB of this worker's disk, more than its {most:,} MB (its setting disk_mb): "
            "raise that, or let its runs leave less behind."
        )

    async def _taken_mb(self) -> int:
        """MB that its mirror and all its workspaces take."""
        mirrors = await self._scm.mirrors() if self._scm else {}
        mirror = mirrors.get(self._project.id)

        def measure() -> int:
            workspaces = sum(disk.of_projects(self._data_dir, self._project.id).values())
            return (workspaces + (disk.taken(mirror) if mirror else 0)) // 2**20

        return await asyncio.to_thread(measure)
