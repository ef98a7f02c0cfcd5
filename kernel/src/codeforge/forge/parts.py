"""What a server stands on: database, broker and disk, looked at every few seconds at most."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from codeforge.disk import free_mb
from codeforge.errors import CodeForgeError
from codeforge.logs import tell
from codeforge.model import Health
from codeforge.store import Door, missing
from codeforge.store import tables as t

if TYPE_CHECKING:
    from codeforge.forge import Forge

log = logging.getLogger(__name__)
FRESH = 2.0
"""Seconds for which a look is good."""
PATIENCE = 5.0
"""Seconds after which a part that does not answer is down."""


class Parts:
    """The parts as they were found last. Anybody may read this: no detail names a path or holds a password."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._found: tuple[Health, ...] = ()
        self._at = float("-inf")
        self._alone = asyncio.Lock()

    @property
    def down(self) -> tuple[Health, ...]:
        """Those that were down at the last look."""
        return tuple(part for part in self._found if not part.ok)

    async def look(self) -> tuple[Health, ...]:
        """Every part as it is now, or was at most two seconds ago."""
        async with self._alone:
            if time.monotonic() - self._at > FRESH:
                database, *others = await asyncio.gather(
                    self._database(), self._broker(), asyncio.to_thread(self._disk)
                )
                found = [*database, *others]
                self._tell(found)
                self._found, self._at = tuple(found), time.monotonic()
        return self._found

    async def watch(self) -> None:
        """Look again and again, so that pages and the log tell at once; endless."""
        while True:
            await self.look()
            await asyncio.sleep(FRESH)

    def _tell(self, found: list[Health]) -> None:
        before = {part.name: part.ok for part in self._found}
        for part in found:
            if part.ok != before.get(part.name, True):
                level = logging.INFO if part.ok else logging.WARNING
                tell(log, f"{part.name} up" if part.ok else f"{part.name} down", level=level, detail=part.detail)

    async def _database(self) -> list[Health]:
        """The database, and whether it has this version's tables."""

        def work(door: Door) -> list[str]:
            door.one(t.Tenant)
            return missing(door.database)

        try:
            async with asyncio.timeout(PATIENCE):
                behind = await self._forge.store.read(None, work)
        except (CodeForgeError, TimeoutError):
            detail = "The database does not answer: nothing can be shown or changed; runs at work wait for it."
            return [Health(name="database", ok=False, detail=detail, fix="See the server's log, and start it.")]
        except Exception:
            log.exception("the database could not be asked")
            detail = "The database cannot be asked: see the server's log."
            return [Health(name="database", ok=False, detail=detail)]
        told = f"The database lacks {', '.join(behind)}: start the server again." if behind else "up to date"
        return [
            Health(name="database", ok=True, detail="answers"),
            Health(name="migrations", ok=not behind, detail=told),
        ]

    async def _broker(self) -> Health:
        queue = self._forge.offers.queue
        if queue is None:
            return Health(name="broker", ok=True, detail="none yet")
        try:
            async with asyncio.timeout(PATIENCE):
                found = await queue.health()
        except Exception as error:
            why = str(error) if isinstance(error, CodeForgeError) else "The broker does not answer."
            found = Health(name="broker", ok=False, detail=why)
        if found.ok:
            return Health(name="broker", ok=True, detail=found.detail)
        told = f"{found.detail.rstrip('. ')}: runs wait; nothing is lost."
        return Health(name="broker", ok=False, detail=told, fix=found.fix)

    def _disk(self) -> Health:
        least = self._forge.settings.min_free_mb
        try:
            free = free_mb(self._forge.settings.data_dir)
        except OSError as error:
            return Health(name="disk", ok=False, detail=f"The data folder cannot be used: {error.strerror}.")
        if free < least:
            told = (
                f"Only {free} MB are free on the server's disk, less than {least} (setting min_free_mb): "
                "no run is taken here until there is room; nothing is lost."
            )
            return Health(name="disk", ok=False, detail=told, fix="Make room.")
        return Health(name="disk", ok=True, detail=f"{free:,} MB free")
