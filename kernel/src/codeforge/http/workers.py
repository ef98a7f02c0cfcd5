"""The worker API: what workers on other machines ask of a server. Their reports come through the queue.

It is an agreement between a worker and a server of CodeForge, and no part of the public API.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

from aiohttp import web
from pydantic import ConfigDict, Field

from codeforge import versions, wire
from codeforge.coordination import Known
from codeforge.errors import Fenced, Invalid, RunFailure
from codeforge.forge import Forge
from codeforge.http import reading
from codeforge.http.context import FORGE, needs, who
from codeforge.http.encode import as_json
from codeforge.http.schemas import Shape
from codeforge.http.schemas.base import Name, Sequence, Text
from codeforge.model import Change, Project, Run

PREFIX = "/api/worker/v1"
LONGEST_WAIT = 60.0
BLOCK = 1 << 20
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40,64}$")]
Count = Annotated[int, Field(ge=0, lt=2**31)]
Handler = Callable[[web.Request, Forge], Awaitable[web.StreamResponse]]


class Hello(Shape):
    host: Name
    version: Name
    agents: list[Name]
    slots: Annotated[int, Field(ge=1, le=10_000)]


class Described(Shape):
    """What a worker says of one agent."""

    model_config = ConfigDict(extra="ignore")  # a newer worker may say more

    ready: bool = False
    version: Name = ""
    size_mb: Count | None = None
    abilities: Annotated[dict[Name, Name], Field(default_factory=dict, max_length=100)]


class Offering(Shape):
    agents: Annotated[dict[Name, Described], Field(max_length=1000)]


class Beat(Shape):
    load: float = 0.0
    disk: Annotated[dict[str, object], Field(default_factory=dict)]


class Renewal(Shape):
    generation: Sequence
    wait: Annotated[float, Field(ge=0, le=LONGEST_WAIT)] = 0.0
    known: Known = (None, 0)


class Wanted(Shape):
    generation: Sequence
    base: Commit | None = None
    start: Commit | None = None
    have: Annotated[list[Commit], Field(default_factory=list)]


class Asked(Shape):
    projects: list[str]


class Saved(Shape):
    ref: Text
    base: Commit
    head: Commit
    files: Count
    added: Count
    deleted: Count


async def hello(request: web.Request, forge: Forge) -> web.StreamResponse:
    """A worker begins; the answer tells how long a lease is."""
    body = await reading.body(request, Hello)
    worker = await forge.workers.hello(who(request).user_id, **body.model_dump())
    return _json({"id": worker.id, "name": worker.name, "lease": forge.settings.lease})


async def beat(request: web.Request, forge: Forge) -> web.StreamResponse:
    """A worker gives word; the answer tells whether it is to take no more runs."""
    body = await reading.body(request, Beat)
    worker = await forge.workers.beat(who(request).user_id, **body.model_dump())
    return _json({"draining": worker.draining})


async def offering(request: web.Request, forge: Forge) -> web.StreamResponse:
    """A worker says what its agents are and can do."""
    body = await reading.body(request, Offering)
    await forge.workers.describe(who(request).user_id, body.model_dump()["agents"])
    return web.Response(status=204)


async def claim(request: web.Request, forge: Forge) -> web.StreamResponse:
    """The next run, or 204."""
    given = await forge.coordinator.claim(who(request).user_id)
    return _bytes(wire.ASSIGNMENT.dump_json(given)) if given else web.Response(status=204)


async def renew(request: web.Request, forge: Forge) -> web.StreamResponse:
    body = await reading.body(request, Renewal)
    await _mine(request, forge)
    asked = {"wait": body.wait, "known": body.known}
    orders = await forge.coordinator.renew(request.match_info["id"], body.generation, **asked)  # type: ignore[arg-type]
    return _bytes(wire.ORDERS.dump_json(orders))


async def about(request: web.Request, forge: Forge) -> web.StreamResponse:
    """A run and its project."""
    return _bytes(wire.ABOUT.dump_json(await _run(request, forge)))


async def memory(request: web.Request, forge: Forge) -> web.StreamResponse:
    """Keep the agent's memory."""
    await _mine(request, forge)
    data = bytearray()
    async for block in request.content.iter_any():
        data += block
    generation = _number(request.query.get("generation", ""))
    await forge.coordinator.remember(request.match_info["id"], generation, bytes(data))
    return web.Response(status=204)


async def forgotten(request: web.Request, forge: Forge) -> web.StreamResponse:
    """Those of the projects that there are no more."""
    body = await reading.body(request, Asked)
    return _json(await forge.coordinator.forgotten(body.projects))


async def saved(request: web.Request, forge: Forge) -> web.StreamResponse:
    """Work that was found in a workspace of an earlier life of the worker; its pack was sent before."""
    body = await reading.body(request, Saved)
    run, _ = await _run(request, forge)
    await forge.packs.check(run, body.ref, body.head, who(request).user_id)
    change = Change(**body.model_dump(exclude={"ref"}))
    await forge.coordinator.saved(run.id, body.ref, change)
    return web.Response(status=204)


async def source(request: web.Request, forge: Forge) -> web.StreamResponse:
    """What a worker's mirror lacks for a run, as a pack; its base stands in a header. 204: it has all."""
    body = await reading.body(request, Wanted)
    run, project = await _mine(request, forge)
    with tempfile.TemporaryDirectory(prefix="pack-", dir=forge.settings.data_dir) as folder:
        pack = Path(folder) / "pack"
        try:
            base, there_is = await forge.packs.give(
                run, project, pack, base=body.base, start=body.start, have=body.have
            )
        except RunFailure as failure:
            return _json({"reason": str(failure.reason), "detail": str(failure)}, status=409)
        if not there_is:
            return web.Response(status=204, headers={"X-Base": base})
        answer = web.StreamResponse(headers={"X-Base": base, "Content-Type": "application/octet-stream"})
        answer.content_length = pack.stat().st_size
        await answer.prepare(request)
        with pack.open("rb") as file:
            while block := await asyncio.to_thread(file.read, BLOCK):
                await answer.write(block)
        await answer.write_eof()
        return answer


async def work(request: web.Request, forge: Forge) -> web.StreamResponse:
    """Keep the commits that a worker sends as a run's work."""
    run, project = await _run(request, forge)
    ref, head, nth = (request.query.get(name, "") for name in ("ref", "head", "nth"))
    await forge.packs.check(run, ref, head, who(request).user_id)
    with tempfile.TemporaryDirectory(prefix="pack-", dir=forge.settings.data_dir) as folder:
        pack = Path(folder) / "pack"
        with pack.open("wb") as file:
            async for block in request.content.iter_chunked(BLOCK):
                await asyncio.to_thread(file.write, block)
        await forge.packs.take(
            run, project, pack, ref=ref, head=head, nth=int(nth) if nth.isdecimal() and len(nth) < 10 else 0
        )
    return web.Response(status=204)


async def _run(request: web.Request, forge: Forge) -> tuple[Run, Project]:
    """A run of the worker's tenant."""
    person = who(request)
    run = await forge.runs.get(person, request.match_info["id"])
    return run, await forge.projects.get(person, run.project_id)


async def _mine(request: web.Request, forge: Forge) -> tuple[Run, Project]:
    """A run that this very worker holds, or held: another's is none of its business."""
    run, project = await _run(request, forge)
    if run.worker not in (who(request).user_id, None):
        raise Fenced(f"Run {run.id} is another worker's.")
    return run, project


def _number(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        raise Invalid("The generation must be a number.", field="generation")
    return int(text)


def _json(value: object, status: int = 200) -> web.Response:
    return _bytes(as_json(value), status)


def _bytes(body: bytes, status: int = 200) -> web.Response:
    return web.Response(status=status, body=body, content_type="application/json")


def _route(method: str, path: str, handler: Handler) -> web.RouteDef:
    async def checked(request: web.Request) -> web.StreamResponse:
        versions.check(request.headers.get(versions.HEADER, ""), "worker")
        return await handler(request, request.app[FORGE])

    return web.route(method, PREFIX + path, needs("worker", checked))


ROUTES = (
    _route("POST", "/hello", hello),
    _route("POST", "/beat", beat),
    _route("POST", "/agents", offering),
    _route("POST", "/claim", claim),
    _route("POST", "/runs/{id}/renew", renew),
    _route("GET", "/runs/{id}", about),
    _route("PUT", "/runs/{id}/memory", memory),
    _route("POST", "/forgotten", forgotten),
    _route("POST", "/runs/{id}/saved", saved),
    _route("POST", "/runs/{id}/source", source),
    _route("PUT", "/runs/{id}/work", work),
)
