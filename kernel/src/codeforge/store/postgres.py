"""PostgreSQL: many servers on one database, whose writers take turns by a lock that the database keeps."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import peewee
import psycopg
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.string import StrDumperUnknown

from codeforge.errors import Unavailable
from codeforge.store.door import Clock
from codeforge.store.engine import FAULTS, Engine

_LOCK = f"SELECT extract(epoch FROM clock_timestamp()) FROM pg_advisory_xact_lock({0x636F6465})"  # noqa: S608
"""Take the one lock of this database that every writer holds until its transaction ends; gives the time then."""

PATIENCE = 5.0
"""Seconds for which a database that does not answer is asked again before the work has begun."""

_BEGIN = f"BEGIN; {_LOCK}"
_BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

# A server that freezes in the middle of a transaction must not hold the lock for long, and nobody waits for ever.
_SESSION = "SET idle_in_transaction_session_timeout = '5s'; SET lock_timeout = '10s'; SET client_encoding = 'UTF8'"
_SESSION_17 = "; SET transaction_timeout = '60s'"
_WITH_TRANSACTION_TIMEOUT = 170000

# A connection that leads nowhere is found out about within seconds, also while an answer is waited for.
_CONNECTION = {
    "connect_timeout": 3,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class _Text(StrDumperUnknown):
    """PostgreSQL's text holds every character but NUL, which an agent may well say."""

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\N{REPLACEMENT CHARACTER}"))


class _Number(Loader):
    """Sums of whole numbers come as NUMERIC; they are whole numbers here, and times are floats."""

    def load(self, data: Any) -> int | float:
        text = bytes(data)
        return int(text) if text.lstrip(b"-").isdigit() else float(text)


class _Database(peewee.PostgresqlDatabase):
    psycopg2_adapter = peewee.Psycopg3Adapter  # peewee was imported without a driver: see _peewee.py

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = {**_CONNECTION, **options, "application_name": f"codeforge {secrets.token_hex(8)}"}
        self.connections: set[psycopg.Connection[Any]] = set()
        super().__init__("by options")

    def _connect(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(**self.options, autocommit=True)
        try:
            newer = connection.info.server_version >= _WITH_TRANSACTION_TIMEOUT
            connection.execute(_SESSION + (_SESSION_17 if newer else ""), prepare=False)
        except BaseException:
            connection.close()
            raise
        connection.adapters.register_loader("numeric", _Number)
        connection.adapters.register_dumper(str, _Text)
        self.connections.add(connection)
        return connection

    def _close(self, conn: psycopg.Connection[Any]) -> None:
        self.connections.discard(conn)
        conn.close()


class Postgres(Engine):
    """The database at ``url``. Raises `Unavailable` for a ``url`` that is none."""

    database: _Database
    readers = 4
    name = "The PostgreSQL database of the setting database_url"

    def __init__(self, url: str) -> None:
        try:
            options = conninfo_to_dict(url)
        except psycopg.Error:  # its text would show parts of the URL
            raise Unavailable(
                "The setting database_url cannot be read: write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, "
                "with %-codes for special characters of the password."
            ) from None
        self.database = _Database(options)

    @contextmanager
    def migrating(self) -> Iterator[None]:
        self._first("SELECT 1")
        with self.database.atomic():  # all that is missing or nothing, while nobody writes
            self.database.execute_sql("SET LOCAL lock_timeout = '10min'")
            if self.database.server_version >= _WITH_TRANSACTION_TIMEOUT:
                self.database.execute_sql("SET LOCAL transaction_timeout = 0")
            self.database.execute_sql(_LOCK)
            yield

    def begin(self) -> Clock:
        answer = self._first(_BEGIN)
        answer.nextset()
        [now] = answer.fetchone()
        return lambda: float(now)

    def begin_reading(self) -> Clock:
        self._first(_BEGIN_READING)
        return self._clock

    def _clock(self) -> float:
        [now] = self.database.execute_sql("SELECT extract(epoch FROM clock_timestamp())").fetchone()
        return float(now)

    def _first(self, text: str) -> Any:
        """Send what begins a transaction; when the connection is lost, again on a new one: nothing has happened yet."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
                    return self.database.connection().execute(text, prepare=False)
            except FAULTS as error:
                if not self.broken() or _refused(error) or time.monotonic() > deadline:
                    self.rollback()
                    raise
                time.sleep(0.1)

    def broken(self) -> bool:
        if not self.database.is_closed() and self.database.connection().closed:
            self.database.close()
        return self.database.is_closed()

    def passing(self, error: Exception) -> bool:
        deadlock = getattr(getattr(error, "orig", None), "sqlstate", None) == "40P01"  # with another one's migration
        return deadlock or self.broken()

    def told(self, error: Exception) -> str:
        cause = getattr(error, "orig", None)
        state = getattr(cause, "sqlstate", None) or ""
        if _refused(error):
            return "it refuses the user, the password or the database's name. Check the setting, then start again."
        if state == "55P03":
            return "other servers kept it busy for more than 10 s. Try again."
        if state == "25P03":
            return "this server stood still for 5 s in the middle of it. Try again."
        if not state or state[:2] in ("08", "57"):
            return "it does not answer, or broke off. Check that it runs and can be reached, then try again."
        said = cause.diag.message_primary if isinstance(cause, psycopg.Error) else ""
        return f"it said: {said or state}. Look into its log, then try again."

    def close(self) -> None:
        for connection in list(self.database.connections):
            connection.close()


def _refused(error: Exception) -> bool:
    """Whether the server answered, and asking it again would give the same."""
    cause = getattr(error, "orig", None)
    if (getattr(cause, "sqlstate", None) or "")[:2] in ("28", "3D"):
        return True
    return any(words in str(cause) for words in ("authentication failed", "does not exist", "no pg_hba.conf entry"))
