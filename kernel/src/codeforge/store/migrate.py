"""Brings a database forward to this version's schema, one process at a time; refuses one from the future.

While servers are replaced one by one, those of the version before work on the new schema. So the migrations of a
minor version only add: tables, and columns that may be NULL or have a default. What is not used any more goes one
minor version later.
"""

from __future__ import annotations

from pathlib import Path

import peewee

from codeforge.errors import Unavailable
from codeforge.store import dialect
from codeforge.store.engine import FAULTS, Engine

FOLDER = Path(__file__).parent / "migrations"
TRIES = 3


def missing(database: peewee.Database) -> list[str]:
    """This version's migrations that the database has not seen; some, when an older copy was put in its place."""
    known = {path.stem for path in FOLDER.glob("[0-9]*.py")}
    rows = database.execute_sql("SELECT name FROM schema_migration").fetchall()
    applied = {name for (name,) in rows}
    return sorted(known - applied)


def up(engine: Engine) -> None:
    """Connect and apply what is missing. Raises `Unavailable` when a newer CodeForge has been here."""
    for left in reversed(range(TRIES)):
        try:
            return _up(engine)
        except FAULTS as error:  # such as a reader of a running server in the way
            if not left or not engine.passing(error):
                raise
    return None


def _up(engine: Engine) -> None:
    from playhouse.migrations import Runner

    with engine.migrating():
        runner = Runner(engine.database, str(FOLDER))
        known = {migration.name for migration in runner.migrations()}
        if newer := sorted(set(runner.applied()) - known):
            raise Unavailable(
                f"{engine.name} was written by a newer CodeForge (it has {newer[-1]}): "
                "install that version again, or use another database."
            )
        runner.up()


def run(database: peewee.Database, statements: str, *, booleans: tuple[str, ...] = ()) -> None:
    """Run the ``statements`` of a migration, written for SQLite, in the words of ``database``.

    ``booleans`` are the columns that hold true or false, which SQLite keeps as numbers.
    """
    if isinstance(database, peewee.PostgresqlDatabase):
        statements = dialect.postgres(statements, booleans)
    for statement in statements.split(";"):
        if statement.strip():
            database.execute_sql(statement)
