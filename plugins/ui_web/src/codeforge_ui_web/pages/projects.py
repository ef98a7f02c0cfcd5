"""Projects: the list, their health, and adding one with a look at the repository while one types."""

from __future__ import annotations

from collections import Counter

from aiohttp import web

from codeforge import CodeForgeError, Project, RunState
from codeforge.forge.runs import LIVE
from codeforge.http import FORGE, who
from codeforge_ui_web.choices import choices
from codeforge_ui_web.forms import fields, go
from codeforge_ui_web.live import stream
from codeforge_ui_web.render import html, render


async def _rows(request: web.Request) -> list[tuple[Project, int, int, int]]:
    """Each project with the number of its runs that get on, of those paused, and of its changes to review."""
    forge, person = request.app[FORGE], who(request)
    counts = await forge.runs.counts(person)
    states = {project_id: Counter(found) for project_id, found in counts.items()}
    of = [(project, states.get(project.id, Counter())) for project in await forge.projects.list(person)]
    going = LIVE - {RunState.PAUSED}
    return [(project, sum(n[s] for s in going), n[RunState.PAUSED], n[RunState.REVIEW]) for project, n in of]


async def page(request: web.Request) -> web.Response:
    return render(request, "projects.html", rows=await _rows(request), **await choices(request))


async def live(request: web.Request) -> web.StreamResponse:
    async def piece() -> str:
        return html(request, "_projects.html", rows=await _rows(request))

    return await stream(request, piece)


async def look(request: web.Request) -> web.Response:
    """What is at the address that is being typed, or the sentence that says what is wrong with it."""
    url = (await fields(request)).get("url", "").strip()
    if not url:
        return web.Response(content_type="text/html")
    try:
        scm, info = await request.app[FORGE].projects.inspect(who(request), url)
    except CodeForgeError as error:
        return render(request, "_wrong.html", sentence=str(error))
    return render(request, "_look.html", kind=scm.name, info=info)


async def add(request: web.Request) -> web.Response:
    given = await fields(request)
    project = await request.app[FORGE].projects.add(
        who(request),
        given.get("url", "").strip(),
        name=given.get("name", ""),
        branch=given.get("branch", "").strip(),
        agent=given.get("agent", ""),
        model=given.get("model", ""),
        check=given.get("check", "").strip(),
    )
    return go(request, f"/projects/{project.id}")


async def health(request: web.Request) -> web.Response:
    found = await request.app[FORGE].projects.health(who(request), request.match_info["id"])
    return render(request, "_health.html", health=found)


def routes() -> list[web.RouteDef]:
    return [
        web.get("/projects", page),
        web.post("/projects", add),
        web.get("/projects/live", live),
        web.post("/projects/look", look),
        web.get("/projects/{id}/health", health),
    ]
