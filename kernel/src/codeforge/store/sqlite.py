"""SQLite: one file, one writer at a time, readers beside it."""

from __future__ import annotations

import fcntl
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import peewee

from codeforge.store.door import Clock
from codeforge.store.engine import Engine

PRAGMAS = {"journal_mode": "wal", "synchronous": "normal", "busy_timeout": 5000, "foreign_keys": 1}


class _Database(peewee.SqliteDatabase):
    connections: list[sqlite3.Connection]

    def _initialize_connection(self, conn: sqlite3.Connection) -> None:
        self.connections.append(conn)


class Sqlite(Engine):
    """The database in the file ``path``."""

    database: _Database
    readers = 2

    def __init__(self, path: Path) -> None:
        self._path, self.name = path, f"The database {path}"
        # each connection stays with one thread; only the last act, its closing, comes from another
        self.database = _Database(str(path), pragmas=PRAGMAS, check_same_thread=False)
        self.database.connections = []

    @contextmanager
    def migrating(self) -> Iterator[None]:
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.database.connect()
            yield

    def begin(self) -> Clock:
        self.database.execute_sql("BEGIN IMMEDIATE")
        return time.time

    def begin_reading(self) -> Clock:
        self.database.execute_sql("PRAGMA query_only = 1")
        self.database.execute_sql("BEGIN")
        return time.time

    def told(self, error: Exception) -> str:
        return f"{error}. Check its rights and the disk, then try again."

    def close(self) -> None:
        for connection in self.database.connections:
            connection.close()
