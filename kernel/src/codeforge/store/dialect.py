"""SQLite's way to say what a table looks like, said to PostgreSQL.

Text has no bound there either, and is compared byte by byte as on SQLite, whatever the database's language is;
whole numbers have 64 bits as on SQLite.
"""

from __future__ import annotations

import re

_TYPES = {
    "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT": "BIGSERIAL NOT NULL PRIMARY KEY",
    "INTEGER": "BIGINT",
    "REAL": "DOUBLE PRECISION",
    "BLOB": "BYTEA",
    "TEXT": 'TEXT COLLATE "C"',
}
_COLUMN = re.compile(rf'"(?P<name>\w+)" (?P<type>{"|".join(_TYPES)}|VARCHAR\(\d+\))(?P<rest>[^,\n;]*)')


def postgres(statements: str, booleans: tuple[str, ...]) -> str:
    """The ``statements`` for PostgreSQL; the columns ``booleans`` become such."""

    def column(found: re.Match[str]) -> str:
        name, kind, rest = found["name"], found["type"], found["rest"]
        if name in booleans:
            rest = rest.replace("DEFAULT 0", "DEFAULT FALSE").replace("DEFAULT 1", "DEFAULT TRUE")
            return f'"{name}" BOOLEAN{rest}'
        return f'"{name}" {_TYPES["TEXT" if kind.startswith("VARCHAR") else kind]}{rest}'

    return _COLUMN.sub(column, statements)
