"""Idempotency keys: a POST that is sent again with its key is answered again, and done once.

The key is reserved before the work begins; the transaction that does the work notes in the reservation what it has
made. So whoever asks again after a server died gets what was made, or, where nothing was, has it done now. Another
server that takes a silent reservation over makes the first one's transaction fail, should it come after all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from codeforge.errors import CodeForgeError, Conflict, Invalid
from codeforge.http.context import FORGE, who
from codeforge.store import ALSO, Door
from codeforge.store import tables as t

HEADER = "Idempotency-Key"
KEPT = 86_400.0
PATIENCE = 10.0
"""Seconds after which a request that has neither done anything nor been answered is taken for dead."""
UNDER_WAY, DONE = 0, 1
"""The status of a key whose first request has not been answered: before its work is committed, and after."""

Key = Annotated[
    str,
    Field(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Any text of your choice, new for each thing to do. Sent again with the same request within a day, "
        "it gets the same answer, and nothing is done twice.",
    ),
]
Made = Mapping[str, str]
"""Ids of what a request has made, by the names of the tables, and of what its path names."""


async def answer(
    request: web.Request,
    key: str,
    work: Callable[[], Awaitable[web.StreamResponse]],
    again: Callable[[Made], Awaitable[web.StreamResponse]],
) -> web.StreamResponse:
    """Do the work and keep its answer, or give the answer that the key got before; ``again`` makes one of what was
    made by a request that was never answered.
    """
    store, tenant = request.app[FORGE].store, who(request).tenant_id
    told = f"{who(request).user_id}\n{request.method}\n{request.path_qs}\n".encode() + await request.read()
    fingerprint = hashlib.sha256(told).hexdigest()
    since, before = await store.run(tenant, _reserve, key, fingerprint)
    if before and before["status"] != DONE:
        return _same(before)
    mine = t.Once.key == key, t.Once.created_at == since
    if before:
        found = await again({**request.match_info, **json.loads(before["answer"])})
    else:
        also = ALSO.set(lambda door: _note(door.of(tenant), mine))
        try:
            found = await work()
        except (CodeForgeError, web.HTTPException):
            ALSO.reset(also)
            await store.run(tenant, lambda d: d.delete(t.Once, *mine, t.Once.status == UNDER_WAY))
            raise
        ALSO.reset(also)
    text = found.text if isinstance(found, web.Response) else None
    await store.run(tenant, lambda d: d.update(t.Once, *mine, status=found.status, answer=text or ""))
    return found


def _reserve(door: Door, key: str, fingerprint: str) -> tuple[float, dict[str, Any] | None]:
    """Since when the key is reserved, and its row where it is another request's that needs no further work."""
    now = door.now()
    door.delete(t.Once, t.Once.created_at < now - KEPT)
    row = door.one(t.Once, t.Once.key == key)
    if row is None:
        door.insert(t.Once, key=key, request=fingerprint, status=UNDER_WAY, answer="", created_at=now)
        return now, None
    if row["request"] != fingerprint:
        raise Invalid(f"This {HEADER} came with another request before: use a new one.", field=HEADER)
    if row["status"] == UNDER_WAY and abs(now - row["created_at"]) > PATIENCE:
        door.update(t.Once, t.Once.key == key, created_at=now)
        return now, None
    return row["created_at"], row


def _note(door: Door, mine: tuple[Any, ...]) -> None:
    """Note what this transaction has made: one that makes nothing is not yet the work.

    Raises `Conflict` when another server does the same work by now.
    """
    row = door.one(t.Once, *mine) if door.made else {"status": DONE}
    if row is None:
        raise Conflict(f"This {HEADER} was sent again meanwhile, and another server has answered.")
    if row["status"] == UNDER_WAY:
        door.update(t.Once, *mine, status=DONE, answer=json.dumps(door.made))


def _same(before: dict[str, Any]) -> web.Response:
    if before["status"] == UNDER_WAY:
        raise Conflict("The first request with this Idempotency-Key has no answer yet: ask again in a moment.")
    return web.Response(status=before["status"], body=before["answer"].encode(), content_type="application/json")
