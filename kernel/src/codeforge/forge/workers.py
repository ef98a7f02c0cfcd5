"""Workers: registered by a person, told apart by a token each, and known by what they said last."""

from __future__ import annotations

import logging
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from codeforge.errors import Conflict, Invalid, NotFound, Unauthorized
from codeforge.forge import rows
from codeforge.ids import new_id
from codeforge.logs import tell
from codeforge.model import HELD, Principal, Worker
from codeforge.scheduler.workers import QUIET
from codeforge.store import Door
from codeforge.store import tables as t
from codeforge.vault import digest, new_secret

if TYPE_CHECKING:
    from codeforge.forge import Forge

log = logging.getLogger(__name__)
WORKER = "cfwrk_"
"""What workers' tokens begin with."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
FORGOTTEN = 3600.0
"""Seconds after which a worker within a server that ended without a word is listed no more."""


def principal(door: Door, secret: str) -> Principal:
    """The worker that holds this token, as who asks. Raises `Unauthorized`."""
    row = door.one(t.Worker, t.Worker.token_hash == digest(secret), t.Worker.revoked_at.is_null())
    if row is None:
        raise Unauthorized("This worker's token is unknown or revoked: register it with `codeforge workers add NAME`.")
    return Principal(user_id=row["id"], user=row["name"], tenant_id=row["tenant_id"], scopes=frozenset({"worker"}))


def named(labels: tuple[str, ...]) -> tuple[str, ...]:
    """The labels in order, each once. Raises `Invalid`."""
    for label in labels:
        if not NAME.fullmatch(label):
            raise Invalid(f"{label[:80]!r} is no label: use letters, digits, '.', '_' and '-'.", field="labels")
    return tuple(sorted(set(labels)))


class Workers:
    """The workers of a tenant, and those within servers, which work for every tenant."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    async def add(self, who: Principal, name: str, labels: tuple[str, ...] = ()) -> tuple[Worker, str]:
        """Register a worker; gives it and its token, which is shown this once. Raises `Invalid` and `Conflict`."""
        if not NAME.fullmatch(name):
            raise Invalid("A worker's name is of letters, digits, '.', '_' and '-', like build-1.", field="name")
        secret, worker_id = new_secret(WORKER), new_id()
        given = named(labels)

        def work(door: Door) -> Worker:
            if door.one(t.Worker, t.Worker.name == name, t.Worker.revoked_at.is_null()):
                raise Conflict(f"There is a worker named {name} already: choose another name.", field="name")
            row = _blank(door, worker_id, name) | {"labels": list(given), "token_hash": digest(secret)}
            door.insert(t.Worker, **row)
            return _fact(door, _find(door, worker_id))

        return await self._forge.store.run(who.tenant_id, work), secret

    async def list(self, who: Principal) -> list[Worker]:
        """Those that are not revoked, by name; those within servers first."""

        def work(door: Door) -> list[Worker]:
            mine = t.Worker.tenant_id.in_(["", who.tenant_id]), t.Worker.revoked_at.is_null()
            return [_fact(door, row) for row in door.all(t.Worker, *mine)]

        found = await self._forge.store.read(None, work)
        return sorted(found, key=lambda worker: (not worker.local, worker.name))

    async def name(self, who: Principal, worker_id: str) -> str:
        """What people call a worker, a revoked one too; "" for one that is not known any more."""
        row = await self._forge.store.read(None, lambda door: door.one(t.Worker, t.Worker.id == worker_id))
        return str(row["name"]) if row and row["tenant_id"] in ("", who.tenant_id) else ""

    async def revoke(self, who: Principal, worker_id: str) -> None:
        """End a worker's token: what it reports is refused, its runs go to others when their leases end.

        Raises `NotFound`, and `Conflict` for a worker within a server, which has no token.
        """

        def values(door: Door) -> rows.Row:
            if _find(door, worker_id)["token_hash"] is None:
                raise Conflict("This worker is part of a server and has no token: drain it, or end its server.")
            return {"revoked_at": door.now()}

        worker = await self._change(who, worker_id, values)
        tell(log, "worker revoked", worker=worker_id, name=worker.name, by=who.user)

    async def drain(self, who: Principal, worker_id: str, draining: bool = True) -> Worker:
        """Have a worker finish what it has and take no more; or take work again. Raises `NotFound`."""
        return await self._change(who, worker_id, lambda _: {"draining": draining})

    async def _change(self, who: Principal, worker_id: str, values: Any) -> Worker:
        def work(door: Door) -> Worker:
            row = _find(door, worker_id)
            if row["tenant_id"] not in ("", who.tenant_id) or row["revoked_at"]:
                raise NotFound(f"There is no worker {worker_id}.")
            door.update(t.Worker, t.Worker.id == worker_id, **values(door))
            return _fact(door, _find(door, worker_id))

        return await self._forge.store.run(None, work)

    async def hello(self, worker_id: str, *, name: str = "", **facts: Any) -> Worker:
        """A worker begins, or begins anew, and says what it is: host, version, agents, slots.

        What it said of its agents before is forgotten: it may be of another version now, and says it again.

        One within a server, which has no token, is registered by that.
        """

        def work(door: Door) -> Worker:
            if door.one(t.Worker, t.Worker.id == worker_id) is None:
                old = t.Worker.token_hash.is_null(), t.Worker.seen_at < door.now() - FORGOTTEN
                door.delete(t.Worker, *old)
                door.insert(t.Worker, **{**_blank(door, worker_id, name), "tenant_id": ""})
            door.update(t.Worker, t.Worker.id == worker_id, seen_at=door.now(), draining=False, described=None, **facts)
            host, version = facts.get("host"), facts.get("version")
            door.after(partial(tell, log, "worker came", worker=worker_id, host=host, version=version))
            return _fact(door, _find(door, worker_id))

        return await self._forge.store.run(None, work)

    async def beat(self, worker_id: str, **facts: Any) -> Worker:
        """A worker gives word (load, disk); the answer says whether it is to take no more."""

        def work(door: Door) -> Worker:
            before = _find(door, worker_id)["seen_at"] or 0.0
            if door.now() - before > QUIET:
                door.after(partial(tell, log, "worker is back", worker=worker_id, quiet=round(door.now() - before)))
            door.update(t.Worker, t.Worker.id == worker_id, seen_at=door.now(), **facts)
            return _fact(door, _find(door, worker_id))

        return await self._forge.store.run(None, work)

    async def describe(self, worker_id: str, described: dict[str, Any]) -> None:
        """A worker says what its agents are and can do, at its start and whenever that changes."""
        values = {"described": described, "agents": sorted(described)}
        await self._forge.store.run(None, lambda door: door.update(t.Worker, t.Worker.id == worker_id, **values))

    async def leave(self, worker_id: str) -> None:
        """A worker within a server ends in order."""
        await self._forge.store.run(
            None, lambda door: door.delete(t.Worker, t.Worker.id == worker_id, t.Worker.token_hash.is_null())
        )
        tell(log, "worker left", worker=worker_id)


def _blank(door: Door, worker_id: str, name: str) -> rows.Row:
    """A worker of which nothing is known but its name."""
    unknown = {"labels": [], "host": "", "version": "", "agents": [], "slots": 0, "load": 0.0, "disk": {}}
    return {"id": worker_id, "name": name, "draining": False, "created_at": door.now(), **unknown}


def _find(door: Door, worker_id: str) -> rows.Row:
    if row := door.one(t.Worker, t.Worker.id == worker_id):
        return row
    raise NotFound(f"There is no worker {worker_id}.")


def _fact(door: Door, row: rows.Row) -> Worker:
    held = door.query(t.Run, t.Run.worker == row["id"], t.Run.state.in_(list(HELD))).select(t.Run.id)
    seen = row["seen_at"]
    return Worker(
        **{name: row[name] for name in ("id", "name", "host", "version", "slots", "draining", "load", "disk")},
        local=row["token_hash"] is None,
        labels=tuple(row["labels"]),
        agents=tuple(row["agents"]),
        described=row["described"] or {},
        created_at=rows.moment(row["created_at"]),
        seen_at=rows.moment(seen) if seen else None,
        alive=bool(seen and seen > door.now() - QUIET),
        runs=tuple(found["id"] for found in door.rows(held)),
    )
