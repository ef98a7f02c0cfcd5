"""The store: the database is the truth, reached through a tenant's door in one transaction at a time."""

from codeforge.store import _peewee  # isort: skip  # noqa: F401  (before anything that imports peewee)

from peewee import JOIN, Case, Expression, fn

from codeforge.store.door import Door
from codeforge.store.migrate import missing
from codeforge.store.store import ALSO, Store, sqlite_path

__all__ = ["ALSO", "JOIN", "Case", "Door", "Expression", "Store", "fn", "missing", "sqlite_path"]
