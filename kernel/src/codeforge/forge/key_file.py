"""The key file and all that is locked with it: how they stand, and how a new key comes into use."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codeforge.errors import Unavailable
from codeforge.model import Health
from codeforge.store import Door
from codeforge.store import tables as t

if TYPE_CHECKING:
    from codeforge.forge import Forge

LOCKED: tuple[tuple[Any, str], ...] = ((t.Provider, "secret"),)
"""Every table with the column that holds locked secrets."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rotated:
    """What a rotation did: how many secrets are locked with the new key. ``resumed``: an earlier one had begun it."""

    secrets: int
    resumed: bool


class KeyFile:
    """The key file of this server. Each step is done while nothing else writes to the database."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    async def begin(self) -> bool:
        """Put a new key into use, beside the one there is; whether that was done before.

        Raises `Unavailable` where the file cannot be changed or opens not all secrets.
        """
        vault = self._forge.vault

        def work(door: Door) -> bool:
            for _, _, box in _boxes(door):
                vault.unlock(box)
            begun = len(vault.keys()) > 1
            vault.begin()
            return begun

        return await self._forge.store.run(None, work)

    async def rotate(self) -> Rotated:
        """Lock every secret with a new key and forget the one before, or go on where an earlier rotation was cut off.

        Whenever it is killed, the file holds the keys of all that is stored. Raises what `begin` raises.
        """
        vault = self._forge.vault
        resumed = await self.begin()

        def relock(door: Door) -> int:
            boxes = _boxes(door)
            for table, (row_id, column), box in boxes:
                door.update(table, table.id == row_id, **{column: vault.relock(box)})
            return len(boxes)

        count = await self._forge.store.run(None, relock)
        await self._forge.store.run(None, lambda door: vault.finish() if self._all_new(door) else None)
        return Rotated(secrets=count, resumed=resumed)

    def _all_new(self, door: Door) -> bool:
        """Whether the key in use opens everything. Raises `Unavailable` when a server has used another meanwhile."""
        for _, _, box in _boxes(door):
            if not self._forge.vault.opens(box):
                raise Unavailable(
                    "A server still locks secrets with the key before: give it the new key file, then rotate again."
                )
        return True

    async def health(self) -> Health:
        """How the file stands: who can read it, how many keys are in it, and whether they open what is stored."""
        boxes = [box for _, _, box in await self._forge.store.read(None, _boxes)]
        if self._forge.vault.path.exists() or boxes:
            fault, fix = self._fault(boxes)
            return Health(
                name="key file", ok=not fault, detail=fault or f"opens all stored secrets ({len(boxes)})", fix=fix
            )
        return Health(name="key file", ok=True, detail="made when the first secret is stored")

    def _fault(self, boxes: list[bytes]) -> tuple[str, str]:
        """What is wrong with the file and what to do; both empty when all is well."""
        vault = self._forge.vault
        if not vault.path.exists():
            return f"{vault.path} is missing", "Restore it from a backup, or set each provider's key again."
        try:
            keys = vault.keys()
        except Unavailable as error:
            return str(error), "Restore it from a backup."
        if closed := sum(not vault.opens(box, any_key=True) for box in boxes):
            fix = "Take the file of the server where it was rotated, or restore it; else set those keys again."
            return f"{closed} of {len(boxes)} stored secrets are locked with another key", fix
        if stat.S_IMODE(vault.path.stat().st_mode) & 0o077:
            return f"others can read {vault.path}", f"chmod 600 {vault.path}"
        if len(keys) > 1:
            fix = "Give the file to all servers of this database, then call `codeforge keys rotate`."
            return "a new key is in use, and the one before is kept still", fix
        return "", ""


def _boxes(door: Door) -> list[tuple[Any, tuple[str, str], bytes]]:
    """Every locked secret: its table, its row's id and column, and itself."""
    return [
        (table, (row["id"], column), bytes(row[column]))
        for table, column in LOCKED
        for row in door.all(table)
        if row[column]
    ]
