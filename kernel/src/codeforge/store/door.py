"""A tenant's way to rows, inside one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import peewee
from peewee import Expression, Model, Query

from codeforge.metrics import Metrics

Row = dict[str, Any]
Clock = Callable[[], float]


class Door:
    """The way to rows. With a ``tenant_id`` it shows and makes that tenant's rows only; None is the system's door."""

    def __init__(
        self, database: peewee.Database, tenant_id: str | None, metrics: Metrics, clock: Clock = time.time
    ) -> None:
        self.database, self.tenant_id, self.metrics = database, tenant_id, metrics
        self.committed: list[Callable[[], None]] = []
        self._clock = clock
        self.made: dict[str, str] = {}
        """The id of the first row that this transaction has made in each table, "" for rows without one."""
        self.news: set[str] = set()
        """Topics of what this transaction changes, told when it is committed."""

    def of(self, tenant_id: str) -> Door:
        """The same transaction through the door of one tenant."""
        door = Door(self.database, tenant_id, self.metrics, self._clock)
        door.committed, door.news, door.made = self.committed, self.news, self.made
        return door

    def after(self, work: Callable[[], None]) -> None:
        """Call ``work`` once this transaction is committed: to count and log what is true only then."""
        self.committed.append(work)

    def now(self) -> float:
        """Seconds since 1970 by the database's clock, the only one that all servers share."""
        return self._clock()

    def _mine(self, table: type[Model], where: tuple[Expression, ...]) -> list[Expression]:
        return list(where) if self.tenant_id is None else [*where, table.tenant_id == self.tenant_id]  # type: ignore[attr-defined]

    def query(self, table: type[Model], *where: Expression) -> Any:
        """A select of whole rows, to be ordered and limited; run it with `rows`."""
        conditions = self._mine(table, where)
        return table.select().where(*conditions) if conditions else table.select()

    def rows(self, query: Query) -> list[Row]:
        """The rows of a query as dictionaries."""
        return list(query.dicts().execute(self.database))

    def sql(self, text: str, *values: Any) -> list[Row]:
        """The rows that a statement gives, its values marked by "?": for what every model call asks, where peewee's
        making of the statement costs more than its work. Name the tenant; JSON comes as text.
        """
        with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
            cursor = self.database.cursor()
            cursor.execute(text.replace("?", self.database.param), values)
            if not cursor.description:
                return []
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def all(self, table: type[Model], *where: Expression) -> list[Row]:
        """The matching rows in the order of their ids."""
        keys = table._meta.get_primary_keys()
        return self.rows(self.query(table, *where).order_by(*keys))

    def one(self, table: type[Model], *where: Expression) -> Row | None:
        """The matching row, or None."""
        return next(iter(self.rows(self.query(table, *where).limit(1))), None)

    def insert(self, table: type[Model], **values: Any) -> None:
        """Make one row, this tenant's where the table belongs to tenants."""
        if self.tenant_id is not None:
            values["tenant_id"] = self.tenant_id
        self.made.setdefault(table._meta.table_name, str(values.get("id", "")))
        table.insert(**values).execute(self.database)

    def insert_all(self, table: type[Model], rows: Iterable[Row]) -> None:
        """Make rows with the same columns that carry their tenant already: six times as quick as peewee's own way."""
        rows = list(rows)
        self.made.setdefault(table._meta.table_name, str(rows[0].get("id", "")))
        fields = [table._meta.fields[name] for name in rows[0]]
        columns = ", ".join(f'"{field.column_name}"' for field in fields)
        marks = ", ".join([self.database.param] * len(fields))
        text = f'INSERT INTO "{table._meta.table_name}" ({columns}) VALUES ({marks})'  # noqa: S608 (names of our own)
        values = [[field.db_value(row[field.name]) for field in fields] for row in rows]
        with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
            self.database.cursor().executemany(text, values)

    def update(self, table: type[Model], *where: Expression, **values: Any) -> int:
        """Change the matching rows; gives their number."""
        return int(table.update(**values).where(*self._mine(table, where)).execute(self.database))

    def delete(self, table: type[Model], *where: Expression) -> int:
        """Remove the matching rows; gives their number."""
        conditions = self._mine(table, where)
        query = table.delete().where(*conditions) if conditions else table.delete()
        return int(query.execute(self.database))
