"""How providers have been doing, as the record of calls tells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from codeforge.forge.rows import moment
from codeforge.store import Door, Store, fn
from codeforge.store import tables as t

WINDOW = 7 * 86400.0
"""Seconds that are looked back."""
GONE = 499
"""The status of calls that the agent broke off: no fault of the provider."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderHealth:
    """A provider's last seven days. ``latency`` is the median of its answers, in milliseconds; ``errors`` is the share
    of calls that failed, 0 to 1; both are None without calls.
    """

    calls: int = 0
    errors: float | None = None
    latency: int | None = None
    answered_at: datetime | None = None
    failed_at: datetime | None = None
    error: str = ""


class ProviderHealths:
    """The tenant's providers, each with its health."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list(self, tenant_id: str) -> dict[str, ProviderHealth]:
        """By name; providers without calls are left out."""
        return await self._store.read(tenant_id, _all)


def _all(door: Door) -> dict[str, ProviderHealth]:
    c = t.Call
    settled = c.state == "settled", c.status != GONE, c.replayed == False  # noqa: E712
    where = c.created_at > door.now() - WINDOW, *settled
    counted = door.rows(door.query(c, *where).select(c.provider, fn.COUNT(c.id).alias("calls")).group_by(c.provider))
    return {row["provider"]: _of(door, row["calls"], (*where, c.provider == row["provider"])) for row in counted}


def _of(door: Door, calls: int, where: tuple[Any, ...]) -> ProviderHealth:
    c = t.Call
    good, bad = (*where, c.status < 400), (*where, c.status >= 400)
    answered = door.query(c, *good).count(door.database)
    middle = door.rows(door.query(c, *good).order_by(c.milliseconds).offset(answered // 2).limit(1))
    last, failed = (door.rows(door.query(c, *some).order_by(c.created_at.desc()).limit(1)) for some in (good, bad))
    return ProviderHealth(
        calls=calls,
        errors=(calls - answered) / calls,
        latency=middle[0]["milliseconds"] if middle else None,
        answered_at=moment(last[0]["created_at"]) if last else None,
        failed_at=moment(failed[0]["created_at"]) if failed else None,
        error=failed[0]["error"] if failed else "",
    )
