"""Work that one server at a time does: held by a row of the database for a while, with what the next needs to know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codeforge.store import Door
from codeforge.store import tables as t

if TYPE_CHECKING:
    from codeforge.forge import Forge


class Held:
    """``await hold(last=7)`` holds the lock ``name`` for ``seconds`` more and leaves word for the next holder."""

    def __init__(self, forge: Forge, name: str, seconds: float) -> None:
        self._forge, self._name, self._seconds = forge, name, seconds

    async def __call__(self, **word: Any) -> dict[str, Any] | None:
        """The word that was left last, {} when there was none; None: another server holds it."""
        return await self._forge.store.run(None, self._take, word)

    def _take(self, door: Door, word: dict[str, Any]) -> dict[str, Any] | None:
        now, mine = door.now(), t.Lock.name == self._name
        row = door.one(t.Lock, mine)
        values: dict[str, Any] = {"holder": self._forge.id, "until": now + self._seconds}
        if row is None:
            door.insert(t.Lock, name=self._name, data=word, **values)
            return {}
        if row["holder"] != self._forge.id and now < row["until"] <= now + self._seconds:
            return None
        if word:
            values["data"] = word
        door.update(t.Lock, mine, **values)
        return dict(row["data"] or {})
