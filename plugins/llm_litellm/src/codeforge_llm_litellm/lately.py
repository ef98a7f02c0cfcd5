"""What was asked a moment ago: each call needs the same facts, which change when a person changes them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")
SECONDS = 1.0
"""For how long a change that another server made may be unknown here."""
MOST = 1000


class Lately:
    """Remembers answers for a moment, and as long as ``version`` gives the same."""

    def __init__(self, version: Callable[[], object]) -> None:
        self._version = version
        self._known: dict[Hashable, tuple[float, object, Any]] = {}

    async def get(self, place: Hashable, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer that is known for ``place``, or the one that ``ask`` gives."""
        now, version = time.monotonic(), self._version()
        since, at, found = self._known.get(place, (0.0, None, None))
        if at == version and now - since <= SECONDS:
            return found  # type: ignore[no-any-return]
        found = await ask()
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[place] = now, version, found
        return found
