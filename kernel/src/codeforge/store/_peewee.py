"""Imports peewee before anybody else does, without PostgreSQL's driver: on SQLite that saves 0.15 s of each start."""

import sys

if sys.modules.setdefault("psycopg", None) is None:  # type: ignore[arg-type]  # None: "there is no such module"
    import peewee  # noqa: F401

    del sys.modules["psycopg"]
