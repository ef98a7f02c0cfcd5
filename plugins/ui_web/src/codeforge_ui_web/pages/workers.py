"""Workers: what each said last and which runs it holds; registered, drained and revoked here."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from codeforge import CodeForgeError, Run
from codeforge.http import FORGE, who
from codeforge.http.context import needs
from codeforge.model import Worker
from codeforge_ui_web.forms import fields, go
from codeforge_ui_web.live import stream
from codeforge_ui_web.render import html, render

EVERY = 4.0
"""Seconds between two looks at what the workers say of themselves."""


async def _about(request: web.Request) -> dict[str, Any]:
    """The workers, and the runs they hold by id."""
    forge, person = request.app[FORGE], who(request)
    workers = await forge.workers.list(person)
    return {"workers": workers, "held": await _held(request, workers)}


async def _held(request: web.Request, workers: list[Worker]) -> dict[str, tuple[Run, str]]:
    """Each run that a worker holds, with its task's title; those of other tenants are left out."""
    forge, person, found = request.app[FORGE], who(request), {}
    for run_id in [run_id for worker in workers for run_id in worker.runs]:
        try:
            run = await forge.runs.get(person, run_id)
            found[run_id] = run, (await forge.tasks.get(person, run.task_id)).title
        except CodeForgeError:
            continue
    return found


async def page(request: web.Request) -> web.Response:
    return render(request, "workers.html", **await _about(request))


async def live(request: web.Request) -> web.StreamResponse:
    async def piece() -> str:
        return html(request, "_workers.html", **await _about(request))

    return await stream(request, piece, every=EVERY)


async def add(request: web.Request) -> web.Response:
    """The token is in this answer only, which no browser keeps."""
    given, forge = await fields(request), request.app[FORGE]
    labels = tuple(given.get("labels", "").replace(",", " ").split())
    worker, secret = await forge.workers.add(who(request), given.get("name", "").strip(), labels)
    url = str(request.url.origin())
    answer = render(request, "_worker.html", worker=worker, secret=secret, url=url, **await _about(request))
    answer.headers["Cache-Control"] = "no-store"
    return answer


async def drain(request: web.Request) -> web.Response:
    await request.app[FORGE].workers.drain(who(request), request.match_info["id"])
    return go(request, "/workers")


async def take(request: web.Request) -> web.Response:
    await request.app[FORGE].workers.drain(who(request), request.match_info["id"], False)
    return go(request, "/workers")


async def revoke(request: web.Request) -> web.Response:
    await request.app[FORGE].workers.revoke(who(request), request.match_info["id"])
    return go(request, "/workers")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/workers", page),
        web.get("/workers/live", live),
        web.post("/workers", needs("admin", add)),
        web.post("/workers/{id}/drain", needs("admin", drain)),
        web.post("/workers/{id}/take", needs("admin", take)),
        web.post("/workers/{id}/revoke", needs("admin", revoke)),
    ]
