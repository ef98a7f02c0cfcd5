"""Every run's numbered events: stored first, then told to those who listen; nobody misses one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from functools import partial
from typing import Any

from codeforge import news
from codeforge.events import AgentEvent, Event, Kind
from codeforge.forge import rows
from codeforge.store import Door, Store, fn
from codeforge.store import tables as t

PAGE = 1000


def append(door: Door, run: dict[str, Any], events: Iterable[AgentEvent]) -> int:
    """Number and store events of a run, inside the caller's transaction; gives the last number."""
    [last] = door.rows(
        t.Event.select(fn.COALESCE(fn.MAX(t.Event.seq), 0).alias("seq")).where(t.Event.run_id == run["id"])
    )
    seq, now = int(last["seq"]), door.now()
    new = [
        {
            "tenant_id": run["tenant_id"],
            "run_id": run["id"],
            "seq": seq + n,
            "time": now,
            "kind": e.kind,
            "data": e.data,
        }
        for n, e in enumerate(events, 1)
    ]
    if new:
        door.insert_all(t.Event, new)
        door.news |= {news.events(run["id"]), news.events(run["tenant_id"])}
        door.after(partial(door.metrics.events.inc, len(new)))
    return seq + len(new)


def _read(door: Door, run_id: str | None, after: int, limit: int, kinds: tuple[Kind, ...]) -> list[Event]:
    mark = t.Event.offset if run_id is None else t.Event.seq
    mine = [mark > after] if run_id is None else [t.Event.run_id == run_id, mark > after]
    mine += [t.Event.kind.in_(kinds)] if kinds else []
    return [rows.event(row) for row in door.rows(door.query(t.Event, *mine).order_by(mark).limit(limit))]


def _last(door: Door) -> int:
    [row] = door.rows(door.query(t.Event).select(fn.COALESCE(fn.MAX(t.Event.offset), 0).alias("offset")))
    return int(row["offset"])


class History:
    """Reads events of one run (numbered by ``seq``) or of a whole tenant (numbered by ``offset``)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(
        self, tenant_id: str, run_id: str | None, after: int = 0, limit: int = PAGE, kinds: tuple[Kind, ...] = ()
    ) -> list[Event]:
        """The events after number ``after``, oldest first, at most ``limit``; all, or only those of some ``kinds``."""
        return await self._store.read(tenant_id, _read, run_id, after, limit, kinds)

    async def last(self, tenant_id: str) -> int:
        """The offset of the tenant's newest event."""
        return await self._store.read(tenant_id, _last)

    async def follow(self, tenant_id: str, run_id: str | None, after: int = 0) -> AsyncGenerator[list[Event], None]:
        """All events after ``after``, then new ones as they come, in batches; endless, without gaps.

        The database is read again whenever something was committed, so a slow reader holds no memory here.
        """
        with self._store.news.bell(news.events(run_id or tenant_id)) as bell:
            while True:
                bell.clear()
                while batch := await self.read(tenant_id, run_id, after):
                    after = batch[-1].offset if run_id is None else batch[-1].seq
                    yield batch
                await bell.wait()
