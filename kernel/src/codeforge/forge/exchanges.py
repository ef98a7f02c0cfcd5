"""Kept exchanges: what each model call asked and was answered, without secrets, for people to read and to replay."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
import zlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codeforge.errors import Conflict, NotFound
from codeforge.forge.cassettes import Cassette
from codeforge.forge.standing import note
from codeforge.model import Principal
from codeforge.store import Door, fn
from codeforge.store import tables as t
from codeforge.vault import redact

if TYPE_CHECKING:
    from codeforge.forge import Forge

MOST = 64 * 2**20
"""Bytes, compressed, that one run's exchanges may take."""
LATE = 5.0
"""Seconds within which the last exchange of a run that has just ended is written."""
FULL = (
    f"The exchanges with the model take more than {MOST // 2**20} MB: those from here on are not kept, "
    "so the run cannot be replayed."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Spoken:
    """One call's exchange as it was: ``document`` is a file of a cassette, as JSON text, with whatever is in it."""

    tenant_id: str
    run_id: str
    call_id: str
    document: str


class Exchanges:
    """The tenant's exchanges, each a file of a cassette."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._shelf = forge.settings.data_dir / "cassettes"

    async def keep(self, spoken: Sequence[Spoken]) -> None:
        """Keep exchanges, cleaned, in one transaction.

        What a run has no room for is left out, which its history says once; a run that was removed keeps none.
        """
        known = {one.tenant_id: await self._forge.secrets(one.tenant_id) for one in spoken}
        home = str(self._forge.settings.data_dir)

        def pack() -> dict[tuple[str, str], list[tuple[str, bytes]]]:
            of_runs: dict[tuple[str, str], list[tuple[str, bytes]]] = {}
            for one in spoken:
                data = _packed(_clean(one.document, known[one.tenant_id], home))
                of_runs.setdefault((one.tenant_id, one.run_id), []).append((one.call_id, data))
            return of_runs

        packed = await asyncio.to_thread(pack)

        def work(door: Door) -> None:
            for (tenant_id, run_id), exchanges in packed.items():
                _keep(door.of(tenant_id), run_id, exchanges)

        await self._forge.store.run(None, work)

    async def clean(self, tenant_id: str, document: str) -> str:
        """JSON text without secrets, and with ``<data>`` where it names this server's data folder."""
        return _clean(document, await self._forge.secrets(tenant_id), str(self._forge.settings.data_dir))

    async def kept(self, who: Principal, run_id: str) -> set[str]:
        """The ids of the run's calls whose exchanges are there."""

        def work(door: Door) -> set[str]:
            mine = t.Exchange.run_id == run_id, t.Exchange.size > 0
            return {row["call_id"] for row in door.rows(door.query(t.Exchange, *mine).select(t.Exchange.call_id))}

        return await self._forge.store.read(who.tenant_id, work)

    async def of_call(self, who: Principal, call_id: str) -> dict[str, Any]:
        """The exchange of one call. Raises `NotFound`."""
        row = await self._forge.store.read(who.tenant_id, lambda d: d.one(t.Exchange, t.Exchange.call_id == call_id))
        if row is None or not row["size"]:
            raise NotFound(
                f"No exchange of a call {call_id} is kept: see the settings keep_exchanges and exchange_days."
            )
        return await asyncio.to_thread(_unpacked, row["data"])

    async def of_run(self, who: Principal, run_id: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """The run's exchanges with the ids of their calls, in the order of the calls, one after the other."""
        for call_id in sorted(await self.kept(who, run_id)):
            yield call_id, await self.of_call(who, call_id)

    async def shelve(self, who: Principal, run_id: str) -> str:
        """Make the run's exchanges a cassette on this server, unless it is there; gives its name.

        Raises `Conflict` when not every call's exchange is kept.
        """
        name = f"run-{run_id}"
        shelf = self._shelf
        if not (shelf / name).is_dir():
            await self._whole(who, run_id)
            await asyncio.to_thread(shelf.mkdir, parents=True, exist_ok=True)
            unfinished = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix=".run-", dir=shelf))
            try:
                cassette = Cassette(unfinished)
                async for call_id, document in self.of_run(who, run_id):
                    await asyncio.to_thread(cassette.add, call_id, document)
                await asyncio.to_thread(_put, unfinished, shelf / name)
            finally:
                await asyncio.to_thread(shutil.rmtree, unfinished, ignore_errors=True)
        return name

    async def _whole(self, who: Principal, run_id: str) -> None:
        """Raises `Conflict` unless each call's exchange is kept; waits a moment for one that is being written."""
        made = {call["id"] for call in await self._forge.calls.of_run(who, run_id)}
        if not made:
            raise Conflict("The run called no model: there is nothing to replay.")
        for _ in range(int(LATE / 0.1)):
            if not (lost := made - await self.kept(who, run_id)):
                return
            await asyncio.sleep(0.1)
        raise Conflict(
            f"Of the run's {len(made)} model calls, the exchanges of {len(lost)} are not kept, so it cannot be "
            "replayed: they were too large, too old (setting exchange_days), or not to be kept (keep_exchanges)."
        )

    async def forget_old(self) -> int:
        """Forget what is older than the setting exchange_days, also as cassettes on this server; gives how many."""
        seconds = self._forge.settings.exchange_days * 86_400
        await asyncio.to_thread(_forget_old, self._shelf, seconds)
        return await self._forge.store.run(
            None, lambda door: door.delete(t.Exchange, t.Exchange.created_at < door.now() - seconds)
        )


def _forget_old(shelf: Path, seconds: float) -> None:
    for folder in shelf.glob("run-*"):
        if folder.stat().st_mtime < time.time() - seconds:
            shutil.rmtree(folder, ignore_errors=True)


def _keep(door: Door, run_id: str, exchanges: list[tuple[str, bytes]]) -> None:
    mine = door.query(t.Exchange, t.Exchange.run_id == run_id)
    taken, least = fn.COALESCE(fn.SUM(t.Exchange.size), 0), fn.MIN(t.Exchange.size)
    [so_far] = door.rows(mine.select(taken.alias("taken"), least.alias("least")))
    run = next(iter(door.rows(door.query(t.Run, t.Run.id == run_id).select(t.Run.id, t.Run.tenant_id))), None)
    if run is None or so_far["least"] == 0:
        return
    new, room = [], MOST - so_far["taken"]
    for call_id, data in exchanges:
        room -= len(data)
        new.append((call_id, data if room >= 0 else b""))
        if room < 0:
            note(door, run, FULL)
            break
    same = {"tenant_id": run["tenant_id"], "run_id": run_id, "created_at": door.now()}
    door.insert_all(t.Exchange, [{"call_id": one, "size": len(data), "data": data, **same} for one, data in new])


def _clean(document: str, known: Iterable[str], home: str) -> str:
    return redact(document, map(_written, known)).replace(_written(home), "<data>")


def _written(text: str) -> str:
    """The text as it stands within JSON."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _packed(document: str) -> bytes:
    return zlib.compress(document.encode(errors="replace"), 3)


def _unpacked(data: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(zlib.decompress(data))
    return document


def _put(made: Path, place: Path) -> None:
    """Move the finished cassette to its place; where one is by now, that is as good."""
    made.chmod(0o755)
    try:
        made.rename(place)
    except OSError:
        if not place.is_dir():
            raise
