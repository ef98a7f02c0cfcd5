"""Brings a database forward to this version's schema, one process at a time; refuses one from the future."""

from __future__ import annotations

import fcntl
from pathlib import Path

import peewee

from codeforge.errors import Unavailable

FOLDER = Path(__file__).parent / "migrations"


def missing(database: peewee.Database) -> list[str]:
    """This version's migrations that the database has not seen; some, when an older copy was put in its place."""
    known = {path.stem for path in FOLDER.glob("[0-9]*.py")}
    rows = database.execute_sql("SELECT name FROM schema_migration").fetchall()  # type: ignore[no-untyped-call]
    applied = {name for (name,) in rows}
    return sorted(known - applied)


def up(database: peewee.Database, path: Path) -> None:
    """Connect and apply what is missing. Raises `Unavailable` when a newer CodeForge has been here."""
    from playhouse.migrations import Runner

    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        database.connect()
        runner = Runner(database, str(FOLDER))
        known = {migration.name for migration in runner.migrations()}
        if newer := sorted(set(runner.applied()) - known):
            raise Unavailable(
                f"The database {path} was written by a newer CodeForge (it has {newer[-1]}): "
                "install that version again, or use another data folder."
            )
        runner.up()
