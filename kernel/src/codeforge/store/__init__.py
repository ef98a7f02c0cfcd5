"""The store: the database is the truth. Functions over a tenant's door, grouped by what they are about."""

from codeforge.store.database import Door, Store

__all__ = ["Door", "Store"]
