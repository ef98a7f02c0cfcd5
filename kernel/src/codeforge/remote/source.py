"""Workspaces of a worker on another machine: its mirror gets commits from a server, never from the origin.

So a worker needs no credentials of any repository, and works on local folders of the server, too.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path

from codeforge.coordination import Assignment
from codeforge.errors import Conflict, RunFailure
from codeforge.model import Reason
from codeforge.remote.door import Door
from codeforge.scm import Scm, Workspace
from codeforge.worker import Escrowed, Source, insist

FETCH_SECONDS = 3600.0
"""How long a server may take to fetch an origin, or to take a change."""
BLOCK = 1 << 20


class RemoteSource(Source):
    """Packs come and go through a server; ``folder`` is the worker's data folder."""

    def __init__(self, door: Door, folder: Path) -> None:
        self._door, self._folder = door, folder

    async def prepare(self, job: Assignment, scm: Scm, into: Path, say: Callable[[str], None]) -> Workspace:
        """See `Source.prepare`; servers that do not answer are asked again for as long as somebody waits."""
        with tempfile.TemporaryDirectory(prefix="pack-", dir=self._folder) as folder:
            pack = Path(folder) / "pack"
            have = await scm.tips(job.project)
            base = await insist(lambda: self._fetch(job, have, pack), asyncio.Event())
            if pack.exists():
                try:
                    await scm.unpack(job.project, pack)
                except Conflict as error:
                    raise RunFailure(Reason.WORKSPACE_ERROR, str(error)) from error
        return await scm.prepare(job.project, into, base=base, start=job.start, say=say, fetch=False)

    async def _fetch(self, job: Assignment, have: list[str], pack: Path) -> str:
        """Write what the mirror lacks to ``pack``, if it lacks anything; gives the base."""
        asked = {"generation": job.run.generation, "base": job.base, "start": job.start, "have": have}
        path = f"/runs/{job.run.id}/source"
        async with self._door.ask("POST", path, wait=FETCH_SECONDS, json=asked) as answer:
            if answer.status != 204:
                with pack.open("wb") as file:
                    async for block in answer.content.iter_chunked(BLOCK):
                        await asyncio.to_thread(file.write, block)
            return answer.headers["X-Base"]

    async def keep(self, work: Escrowed, scm: Scm) -> None:
        with tempfile.TemporaryDirectory(prefix="pack-", dir=self._folder) as folder:
            pack = Path(folder) / "pack"
            if not await scm.pack(work.project, pack, {work.ref: work.head}, [work.base]):
                return
            query = {"ref": work.ref, "head": work.head, "nth": work.nth}
            with pack.open("rb") as file:
                path = f"/runs/{work.run.id}/work"
                await self._door.bytes("PUT", path, wait=FETCH_SECONDS, params=query, data=file)
