"""Lets models rest that fail, so that calls of a route try others first. Each server keeps this for itself."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

FAILURES, REST = 3, 30.0
"""After so many failures in a row a model rests for so many seconds."""
Place = tuple[str, str]
"""A tenant, and the full name of a model."""


@dataclass(kw_only=True, slots=True)
class Rest:
    """How a model has been failing: so often in a row, for ``why`` last; it rests until ``until``, by `time.time`."""

    failures: int = 0
    until: float = 0.0
    why: str = ""


class Rests:
    """What is known of models that failed last; one that answered is forgotten."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self._known: dict[Place, Rest] = {}

    def of(self, place: Place) -> Rest | None:
        """The rest of a model that rests now."""
        rest = self._known.get(place)
        return rest if rest and rest.until > self.clock() else None

    def failed(self, place: Place, why: str, until: float | None = None) -> None:
        """A model failed. It rests ``until`` then where its provider said so, else after some failures in a row."""
        rest = self._known.setdefault(place, Rest())
        rest.failures, rest.why = rest.failures + 1, why
        if until is not None:
            rest.until = until
        elif rest.failures >= FAILURES:
            rest.until = self.clock() + REST

    def answered(self, place: Place) -> None:
        """A model answered: it needs no rest."""
        self._known.pop(place, None)


def clock(when: float) -> str:
    """A point in time for people, in whole seconds and not before it."""
    return datetime.fromtimestamp(math.ceil(when), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
