"""Which held runs are lost: each server watches for itself, because clocks jump and those of two machines differ."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from codeforge.model import HELD
from codeforge.store import Door
from codeforge.store import tables as t

Lease = tuple[str, int, float]
"""A lease as it was given: run, generation, and until when by the database's clock, new with each renewal."""


class Silence:
    """For how long each lease has stood before this server's eyes without being renewed.

    A worker that could not renew ends its work within a lease, counted from before it asked. Here a lease is counted
    from after it was seen, by a clock that nobody sets: the two cannot meet, whatever sleeps, jumps or comes late.
    """

    def __init__(self, lease: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._lease, self._clock = lease, clock
        self._since: dict[Lease, float] = {}
        self._looked, self._due = clock(), float("inf")

    def due(self) -> float:
        """Seconds until the first of the leases that were seen last may be over."""
        return self._due - self._clock()

    def over(self, door: Door) -> list[dict[str, Any]]:
        """The runs whose lease nobody renewed for its length, inside the caller's transaction, which must write: then
        no renewal comes between. To be asked a few times within a lease.
        """
        began = self._clock()
        if began - self._looked > self._lease / 2:  # this process slept: who needs it to renew shall have the time
            self._since.clear()
        columns = t.Run.id, t.Run.generation, t.Run.lease_until
        rows = door.rows(door.query(t.Run, t.Run.state.in_(list(HELD))).select(*columns))
        held = {(row["id"], row["generation"], row["lease_until"]) for row in rows}
        self._looked = self._clock()
        self._since = {lease: self._since.get(lease, self._looked) for lease in held}
        self._due = min(self._since.values(), default=float("inf")) + self._lease
        lost = [run_id for (run_id, _, _), since in self._since.items() if began - since >= self._lease]
        return door.all(t.Run, t.Run.id.in_(lost)) if lost else []
