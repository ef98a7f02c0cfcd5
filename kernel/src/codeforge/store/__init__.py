"""The store: the database is the truth, reached through a tenant's door in one transaction at a time."""

from peewee import Expression, fn

from codeforge.store.database import Door, Store
from codeforge.store.migrate import missing

__all__ = ["Door", "Expression", "Store", "fn", "missing"]
