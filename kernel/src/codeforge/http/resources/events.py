"""A run's history: as a JSON page, or as server-sent events that go on where the client was."""

from contextlib import aclosing, suppress
from typing import Annotated

from aiohttp import web
from pydantic import Field

from codeforge.errors import Unauthorized
from codeforge.forge import Forge
from codeforge.http import live, schemas
from codeforge.http.api import Header, operation
from codeforge.http.encode import event_json
from codeforge.http.schemas import Id, Sequence
from codeforge.model import Principal

SSE = "text/event-stream"


@operation("GET", "/runs/{id}/events", errors=(404,), also=(SSE,))
async def read_events(
    forge: Forge,
    who: Principal,
    request: web.Request,
    *,
    id: Id,
    after: Sequence = 0,
    limit: Annotated[int, Field(ge=1, le=1000)] = 1000,
    last_event_id: Annotated[Sequence | None, Header("Last-Event-ID")] = None,
) -> schemas.Page[schemas.Event]:
    """Read the events after number ``after``, oldest first.

    With ``Accept: text/event-stream`` they come as server-sent events without end: the id is the seq, the
    event's name its kind, the data the whole event. A client that reconnects with Last-Event-ID misses nothing.
    """
    await forge.runs.get(who, id)
    after = max(after, last_event_id or 0)
    if SSE in request.headers.get("Accept", ""):
        return await _stream(request, id, after)  # type: ignore[return-value]
    found = await forge.history.read(who.tenant_id, id, after, limit)
    onward = str(found[-1].seq) if len(found) == limit else None
    return schemas.Page(items=[schemas.Event.of(event) for event in found], next=onward)


async def _stream(request: web.Request, run_id: str, after: int) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": SSE, "X-Accel-Buffering": "no"})
    await answer.prepare(request)
    if request.method == "HEAD":
        return answer
    with suppress(ConnectionError, Unauthorized):
        await answer.write(b"retry: 1000\n\n")
        async with aclosing(live.batches(request, run_id, after)) as batches:
            async for batch in batches:
                lines = [f"id: {e.seq}\nevent: {e.kind}\ndata: {event_json(e)}\n\n" for e in batch]
                await answer.write("".join(lines or [": quiet\n\n"]).encode())
    return answer


OPERATIONS = (read_events,)
