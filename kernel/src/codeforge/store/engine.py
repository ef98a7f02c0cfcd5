"""What the store needs of a kind of database: connections, transactions, a clock, and plain words for its errors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, suppress

import peewee

from codeforge.store.door import Clock

FAULTS = (peewee.OperationalError, peewee.InterfaceError, peewee.InternalError)
"""What a database says when it cannot answer now, rather than that it was asked the wrong thing."""


class Engine(ABC):
    """One kind of database. Each thread that calls it has a connection of its own."""

    name: str
    """The database in words for people, without a secret."""
    database: peewee.Database
    readers: int
    """How many threads may read at once, beside the one that writes."""

    @abstractmethod
    def migrating(self) -> AbstractContextManager[None]:
        """Connect, and hold back other processes that want to migrate."""

    @abstractmethod
    def begin(self) -> Clock:
        """Begin a transaction that writes, alone among all processes; gives the database's clock."""

    @abstractmethod
    def begin_reading(self) -> Clock:
        """Begin a transaction that sees one state of the database, changes nothing and waits for nobody."""

    @abstractmethod
    def told(self, error: Exception) -> str:
        """What an error of the database means, as the rest of the sentence "... cannot be used: "."""

    @abstractmethod
    def close(self) -> None:
        """Close every connection; no thread uses one any more."""

    def passing(self, error: Exception) -> bool:
        """Whether a transaction that failed with ``error`` may succeed when it is begun again at once."""
        return False

    def commit(self) -> None:
        """End this thread's transaction; what it did is kept from now on."""
        self.database.commit()

    def rollback(self) -> None:
        """End this thread's transaction as if it had never been."""
        with suppress(*FAULTS):
            if not self.database.is_closed():
                self.database.rollback()
