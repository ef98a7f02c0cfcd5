"""The open store: work goes in as functions, each becomes one transaction on a thread of the store's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar, copy_context
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import peewee

from codeforge.errors import DatabaseAway, Unavailable
from codeforge.metrics import Metrics
from codeforge.news import News
from codeforge.store import migrate
from codeforge.store.door import Clock, Door
from codeforge.store.engine import FAULTS, Engine
from codeforge.store.sqlite import Sqlite

P = ParamSpec("P")
T = TypeVar("T")
ALSO: ContextVar[Callable[[Door], None] | None] = ContextVar("also", default=None)
"""What every transaction that writes does at its end, of those that are begun in this context."""


class Store:
    """An open database. Every unit of work is one transaction.

    ``Store.open`` raises `Unavailable` when the database cannot be reached, made or written, or when a newer
    CodeForge wrote it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.news, self.metrics = News(), Metrics()
        self._writer = ThreadPoolExecutor(1, "store-writer")
        self._readers = ThreadPoolExecutor(engine.readers, "store-reader")

    @classmethod
    async def open(cls, folder: Path, url: str = "") -> Store:
        """The database at ``url`` (postgresql://... or sqlite:...), or codeforge.db in ``folder``."""
        store = cls(engine_of(folder, url))
        try:
            await asyncio.get_running_loop().run_in_executor(store._writer, migrate.up, store._engine)
        except (peewee.DatabaseError, peewee.InterfaceError) as error:
            await store.close()
            raise Unavailable(f"{store._engine.name} cannot be used: {store._engine.told(error)}") from error
        except BaseException:
            await store.close()
            raise
        return store

    async def run(
        self,
        tenant_id: str | None,
        work: Callable[Concatenate[Door, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call ``work(door, ...)`` in one transaction, the only one of all servers that writes at this moment.

        ``tenant_id`` None opens the system's door. Raises `DatabaseAway` when the database does not take it.
        """
        also = ALSO.get()

        def asked(door: Door) -> T:
            done = work(door, *args, **kwargs)
            if also:
                also(door)
            return done

        with self.metrics.timed("write"):
            return await self._in(self._writer, self._engine.begin, asked, tenant_id)

    async def read(
        self,
        tenant_id: str | None,
        work: Callable[Concatenate[Door, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Like `run`, for work that changes nothing: it waits for no writer, and may be done again after a fault."""

        def asked(door: Door) -> T:
            return work(door, *args, **kwargs)

        with self.metrics.timed("read"):
            try:
                return await self._in(self._readers, self._engine.begin_reading, asked, tenant_id)
            except _Passing:
                return await self._in(self._readers, self._engine.begin_reading, asked, tenant_id)

    async def _in(
        self, threads: ThreadPoolExecutor, begin: Callable[[], Clock], work: Callable[[Door], T], tenant_id: str | None
    ) -> T:
        loop, about = asyncio.get_running_loop(), copy_context()

        def transaction() -> T:
            engine = self._engine
            try:
                door = Door(engine.database, tenant_id, self.metrics, begin())
                try:
                    done = work(door)
                    engine.commit()
                except BaseException:
                    engine.rollback()
                    raise
            except FAULTS as error:
                kind = _Passing if engine.passing(error) else DatabaseAway
                raise kind(f"{engine.name} did not take this: {engine.told(error)}") from error
            for told in door.committed:  # here, because whoever asked may be cancelled meanwhile
                about.run(told)
            if door.news:
                with suppress(RuntimeError):  # the loop has ended meanwhile, and with it all who would hear
                    loop.call_soon_threadsafe(self.news.tell, door.news)
            return done

        return await loop.run_in_executor(threads, transaction)

    async def close(self) -> None:
        """Close the connections and end the threads."""
        await asyncio.to_thread(self._writer.shutdown)
        await asyncio.to_thread(self._readers.shutdown)
        self._engine.close()


class _Passing(DatabaseAway):
    """The connection broke in the middle of a transaction, or the like: another try may succeed at once."""


def engine_of(folder: Path, url: str) -> Engine:
    """The kind of database that ``url`` asks for. Raises `Unavailable` for one that is not supported."""
    if url.startswith(("postgresql:", "postgres:")):
        from codeforge.store.postgres import Postgres

        return Postgres(url)
    if url and not url.startswith("sqlite:"):
        raise Unavailable(
            "The setting database_url names no database that CodeForge can use: give postgresql://..., sqlite:..., "
            "or leave it empty."
        )
    return Sqlite(_file(folder, url))


def sqlite_path(folder: Path, url: str) -> Path | None:
    """The file of the database at ``url``, or None for one that is no file. Raises `Unavailable`."""
    return _file(folder, url) if isinstance(engine_of(folder, url), Sqlite) else None


def _file(folder: Path, url: str) -> Path:
    return Path(url.removeprefix("sqlite:").removeprefix("//")) if url else folder / "codeforge.db"
