"""Tables as JSON lines, alike from every kind of database: the names of the columns first, then a list for each row."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import peewee
from peewee import BigAutoField, BlobField, BooleanField, Field, Model

from codeforge.store.door import Door, Row
from codeforge.store.tables import TABLES

BATCH = 500
Told = Callable[[int], None]
"""Told of each batch how many rows it had; what it raises ends the work."""


def unhurried(door: Door) -> None:
    """Let this transaction take as long as it needs, also between two statements."""
    if isinstance(door.database, peewee.PostgresqlDatabase):
        door.database.execute_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        if door.database.server_version >= 170000:
            door.database.execute_sql("SET LOCAL transaction_timeout = 0")


def migrations(door: Door) -> list[str]:
    """The names of the migrations that made this schema."""
    return [name for (name,) in door.database.execute_sql("SELECT name FROM schema_migration ORDER BY name")]


def lines(door: Door, table: type[Model], told: Told) -> Iterator[bytes]:
    """A table as JSON lines; bytes as base64. Reads row by row, so that a table of any size fits."""
    fields: list[Field] = table._meta.sorted_fields
    coded = [isinstance(field, BlobField) for field in fields]
    names = ", ".join(f'"{field.column_name}"' for field in fields)
    order = ", ".join(f'"{key.column_name}"' for key in table._meta.get_primary_keys())
    yield _line([field.column_name for field in fields])
    cursor = _cursor(door)
    with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
        cursor.execute(f'SELECT {names} FROM "{table._meta.table_name}" ORDER BY {order}')  # noqa: S608
        while rows := cursor.fetchmany(BATCH):
            for row in rows:
                yield _line([_text(value) if code else value for value, code in zip(row, coded, strict=True)])
            told(len(rows))
        cursor.close()


def _cursor(door: Door) -> Any:
    connection = door.database.connection()
    at_the_server = isinstance(door.database, peewee.PostgresqlDatabase)  # else all rows would come at once
    return connection.cursor(name="dump") if at_the_server else connection.cursor()


def _line(values: list[Any]) -> bytes:
    return json.dumps(values, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()


def load(door: Door, table: type[Model], dumped: Iterable[bytes], told: Told) -> None:
    """Put a table's lines into the empty table."""
    found = rows(table, dumped)
    while batch := list(islice(found, BATCH)):
        door.insert_all(table, batch)
        told(len(batch))


def rows(table: type[Model], dumped: Iterable[bytes]) -> Iterator[Row]:
    """The rows in a table's lines, as `Door.rows` gives them; what an older version did not have gets its default."""
    lines = iter(dumped)
    columns: dict[str, Field] = table._meta.columns
    fields = [columns[name] for name in json.loads(next(lines))]
    defaults = {field: _default(field) for field in columns.values() if field not in fields}
    readers = [_reader(field) for field in fields]
    for line in lines:
        row = {field.name: read(value) for field, read, value in zip(fields, readers, json.loads(line), strict=True)}
        yield {**{field.name: make() for field, make in defaults.items()}, **row}


def _default(field: Field) -> Callable[[], Any]:
    return field.default if callable(field.default) else lambda: field.default


def _reader(field: Field) -> Callable[[Any], Any]:
    if isinstance(field, BlobField):
        return lambda value: None if value is None else base64.b64decode(value)
    if isinstance(field, BooleanField):
        return lambda value: None if value is None else bool(value)
    return field.python_value


def clear(door: Door) -> None:
    """Remove every row of every table."""
    for table in TABLES:
        door.delete(table)


def others(door: Door) -> bool:
    """Whether another process has this database open, where that can be known."""
    if not isinstance(door.database, peewee.PostgresqlDatabase):
        return False
    query = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
               AND application_name LIKE 'codeforge %%' AND application_name <> current_setting('application_name')"""
    return bool(door.database.execute_sql(query).fetchone()[0])


def filled(door: Door) -> bool:
    """Whether any table has a row."""
    return any(door.one(table) for table in TABLES)


def _counted() -> Iterator[tuple[str, str, str]]:
    for table in TABLES:
        for key in table._meta.get_primary_keys():
            if isinstance(key, BigAutoField):
                name, column = table._meta.table_name, key.column_name
                yield f"{name}.{column}", name, column


def counters(door: Door) -> dict[str, int]:
    """The highest number ever given, of each column that numbers its rows: those of rows that are gone, too."""
    found = {}
    for label, table, column in _counted():
        if isinstance(door.database, peewee.PostgresqlDatabase):
            query = f"SELECT last_value FROM {_sequence(door, table, column)} WHERE is_called"  # noqa: S608
        else:
            query = f"SELECT seq FROM sqlite_sequence WHERE name = '{table}'"  # noqa: S608
        last = door.database.execute_sql(query).fetchone()
        found[label] = int(last[0]) if last else 0
    return found


def set_counters(door: Door, highest: dict[str, int]) -> None:
    """Go on counting after ``highest``, so that no number is given twice."""
    for label, table, column in _counted():
        if not (last := highest.get(label, 0)):
            continue
        if isinstance(door.database, peewee.PostgresqlDatabase):
            door.database.execute_sql(f"SELECT setval('{_sequence(door, table, column)}', {int(last)})")
        else:
            door.database.execute_sql(f"DELETE FROM sqlite_sequence WHERE name = '{table}'")  # noqa: S608
            door.database.execute_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, int(last)))


def _sequence(door: Door, table: str, column: str) -> str:
    [name] = door.database.execute_sql("SELECT pg_get_serial_sequence(%s, %s)", (f'"{table}"', column)).fetchone()
    return str(name)
