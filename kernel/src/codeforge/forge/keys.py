"""A run's own key for the model gateway: good for its model and its run alone, while a worker holds the run."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codeforge.errors import Unauthorized
from codeforge.ids import new_id
from codeforge.model import Principal
from codeforge.store import Door
from codeforge.store import tables as t
from codeforge.vault import digest, new_secret

if TYPE_CHECKING:
    from codeforge.forge import Forge

PREFIX = "cfrun_"
LATELY = 1.0
"""Seconds for which a key is known that was asked for."""
MARGIN = 60.0
"""Seconds that a run's key outlives its lease: a renewal that is late shall not cost the agent a model call."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunKey:
    """What a run's key opens; ``id`` is its hash."""

    id: str
    tenant_id: str
    run_id: str
    project_id: str
    model: str


def mint(door: Door, run: dict[str, object], lease: float) -> str:
    """A new key for a run that is claimed, inside the caller's transaction; the run's earlier ones end."""
    revoke(door, str(run["id"]))
    secret = new_secret(PREFIX)
    door.insert(
        t.RunKey,
        id=digest(secret),
        tenant_id=run["tenant_id"],
        run_id=run["id"],
        project_id=run["project_id"],
        model=run["model"],
        expires_at=door.now() + lease + MARGIN,
    )
    return secret


def extend(door: Door, run_id: str, lease: float) -> None:
    """Keep a run's key good for as long as its renewed lease, inside the caller's transaction."""
    mine = t.RunKey.run_id == run_id, t.RunKey.revoked_at.is_null()
    door.update(t.RunKey, *mine, expires_at=door.now() + lease + MARGIN)


def revoke(door: Door, run_id: str) -> None:
    """End a run's keys, inside the caller's transaction."""
    door.update(t.RunKey, t.RunKey.run_id == run_id, t.RunKey.revoked_at.is_null(), revoked_at=door.now())


GONE = "This run's key is not good any more: the run has ended or was stopped."
_KEY = "SELECT expires_at, revoked_at FROM runkey WHERE id = ?"


def check(door: Door, key_id: str) -> None:
    """Whether a key is good in this very transaction. Raises `Unauthorized`."""
    found = door.sql(_KEY, key_id)
    if not found or found[0]["revoked_at"] or found[0]["expires_at"] < door.now():
        raise Unauthorized(GONE)


class Keys:
    """What the gateway asks of a key that it was given."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._lately: dict[str, tuple[float, RunKey]] = {}

    async def known(self, secret: str) -> RunKey:
        """What the key opened a moment ago, or opens: to be checked again where it counts. Raises `Unauthorized`."""
        key_id, now = digest(secret), time.monotonic()
        since, key = self._lately.get(key_id, (0.0, None))
        if key is None or now - since > LATELY:
            self._lately = {name: one for name, one in self._lately.items() if now - one[0] <= LATELY}
            key = await self.open(secret)
            self._lately[key_id] = now, key
        return key

    async def open(self, secret: str) -> RunKey:
        """What the key opens. Raises `Unauthorized` when it is unknown, revoked or expired."""

        def work(door: Door) -> tuple[dict[str, Any] | None, float]:
            return door.one(t.RunKey, t.RunKey.id == digest(secret)), door.now()

        row, now = await self._forge.store.read(None, work)
        if row is None:
            raise Unauthorized("This is no key of a run.")
        if row["revoked_at"] or row["expires_at"] < now:
            raise Unauthorized(GONE)
        return RunKey(**{name: row[name] for name in ("id", "tenant_id", "run_id", "project_id", "model")})

    @asynccontextmanager
    async def lent(self, who: Principal, model: str, project_id: str, lease: float) -> AsyncIterator[tuple[str, str]]:
        """A key of no run for ``model``, good while the block lasts and for ``lease`` seconds at most.

        Gives it, and the name that its calls are written down under where other calls have a run.
        """
        name = f"trial-{new_id()}"
        run: dict[str, object] = {"id": name, "tenant_id": who.tenant_id, "project_id": project_id, "model": model}
        secret = await self._forge.store.run(None, mint, run, lease)
        try:
            yield secret, name
        finally:
            await self._forge.store.run(None, revoke, name)
