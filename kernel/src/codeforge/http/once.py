"""Idempotency keys: a POST that is sent again with its key is answered again, and done once.

The key is reserved before the work begins. When a server dies in between, nobody knows whether the work was
done; the key then stays taken and the answer says so, because doing it twice would be worse.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from codeforge.errors import CodeForgeError, Conflict, Invalid
from codeforge.http.context import FORGE, who
from codeforge.store import Door
from codeforge.store import tables as t

HEADER = "Idempotency-Key"
KEPT = 86_400.0
UNDER_WAY = 0
"""The status of a key whose first request has not been answered."""

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


async def answer(
    request: web.Request, key: str, work: Callable[[], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Do the work and keep its answer, or give the answer that the key got before."""
    store, tenant = request.app[FORGE].store, who(request).tenant_id
    told = f"{who(request).user_id}\n{request.method}\n{request.path_qs}\n".encode() + await request.read()
    fingerprint = hashlib.sha256(told).hexdigest()
    before = await store.run(tenant, _reserve, key, fingerprint)
    if before:
        return _again(before, fingerprint)
    try:
        found = await work()
    except (CodeForgeError, web.HTTPException):
        await store.run(tenant, lambda d: d.delete(t.Once, t.Once.key == key))
        raise
    text = found.text if isinstance(found, web.Response) else None
    await store.run(tenant, lambda d: d.update(t.Once, t.Once.key == key, status=found.status, answer=text or ""))
    return found


def _reserve(door: Door, key: str, fingerprint: str) -> dict[str, Any] | None:
    now = door.now()
    door.delete(t.Once, t.Once.created_at < now - KEPT)
    if row := door.one(t.Once, t.Once.key == key):
        return row
    door.insert(t.Once, key=key, request=fingerprint, status=UNDER_WAY, answer="", created_at=now)
    return None


def _again(before: dict[str, Any], fingerprint: str) -> web.Response:
    if before["request"] != fingerprint:
        raise Invalid(f"This {HEADER} came with another request before: use a new one.", field=HEADER)
    if before["status"] == UNDER_WAY:
        raise Conflict(
            "The first request with this Idempotency-Key has no answer yet. Ask again in a moment; "
            "when this stays so, the server was stopped meanwhile: look whether it was done, then use a new key."
        )
    return web.Response(status=before["status"], body=before["answer"].encode(), content_type="application/json")
