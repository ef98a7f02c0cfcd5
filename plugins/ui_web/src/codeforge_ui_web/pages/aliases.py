"""Aliases: names that people choose, the routes they stand for, and a prompt to try one with."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from codeforge import Invalid, NotFound, Project
from codeforge.http import FORGE, who
from codeforge.http.context import needs
from codeforge.http.trying import PROMPT, attempt
from codeforge.llm import FAULTS, Route, Way
from codeforge_ui_web.forms import by_script, fields, go
from codeforge_ui_web.render import render

SPARE, LEAST = 2, 3
"""Empty lines that a route's form has at least, and lines in all."""
WORDS = {
    "error": "It fails, is limited or takes no key",
    "timeout": "It does not begin in time",
    "context": "The prompt is longer than its window",
    "budget": "A budget is spent",
}


async def page(request: web.Request) -> web.Response:
    """All aliases: the tenant's, then those that single projects have for themselves."""
    forge, person = request.app[FORGE], who(request)
    projects = await forge.projects.list(person)
    found: list[tuple[Project | None, dict[str, Route]]] = [(None, await forge.aliases.routes(person.tenant_id))]
    found += [(project, await forge.aliases.own(person.tenant_id, project.id)) for project in projects]
    aliases = [(name, route, project) for project, own in found for name, route in sorted(own.items())]
    return render(request, "aliases.html", aliases=aliases, projects=projects, **await _form(request, None, ""))


async def one(request: web.Request) -> web.Response:
    return render(request, "alias.html", trial=None, **await _one(request))


async def _one(request: web.Request) -> dict[str, Any]:
    """One alias, the tenant's or, with ``project`` in the address, a project's. Raises `NotFound`."""
    forge, person, name = request.app[FORGE], who(request), request.match_info["name"]
    project_id = request.query.get("project", "")
    project = await forge.projects.get(person, project_id) if project_id else None
    if project:
        there_is = await forge.aliases.own(person.tenant_id, project_id)
    else:
        there_is = await forge.aliases.routes(person.tenant_id)
    if name not in there_is:
        raise NotFound(f"There is no alias {name}.")
    facts = {"name": name, "route": there_is[name], "project": project, "prompt": PROMPT}
    return {**facts, **await _form(request, there_is[name], project_id, name)}


async def _form(request: web.Request, route: Route | None, project_id: str, name: str = "") -> dict[str, Any]:
    """What the form of a route is filled with."""
    models = await request.app[FORGE].models.list(who(request), project_id)
    ways: list[Way | None] = list(route.ways if route else ())
    ways += [None] * max(SPARE, LEAST - len(ways))
    faults = [(fault, WORDS[fault], route is None or fault in route.fall_back_on) for fault in FAULTS]
    return {"ways": ways, "faults": faults, "names": [model.name for model in models if model.name != name]}


async def save(request: web.Request) -> web.Response:
    given, form = await fields(request), await request.post()
    name, project_id = given.get("name", "").strip(), given.get("project", "")
    models, weights, seconds = (map(str, form.getall(field, [])) for field in ("model", "weight", "first_seconds"))
    rows = enumerate(zip(models, weights, seconds, strict=False))
    ways = tuple(
        _way(model, weight or ("0" if n else "1"), first) for n, (model, weight, first) in rows if model.strip()
    )
    faults = frozenset(str(fault) for fault in form.getall("fall_back_on", []))
    await request.app[FORGE].aliases.set(
        who(request), name, route=Route(ways=ways, fall_back_on=faults), project_id=project_id
    )
    return go(request, "/models/aliases")


def _way(model: str, weight: str, first_seconds: str) -> Way:
    """One line of the form. Raises `Invalid`."""
    weight, first_seconds = weight.strip(), first_seconds.strip()
    if not (weight.isascii() and weight.isdecimal() and len(weight) < 7):
        raise Invalid(f"A weight is a whole number, not {weight[:40]}.", field="weight")
    try:
        seconds = float(first_seconds) if first_seconds else None
    except ValueError:
        raise Invalid(f"{first_seconds[:40]} is no number of seconds.", field="first_seconds") from None
    return Way(model=model.strip(), weight=int(weight), first_seconds=seconds)


async def remove(request: web.Request) -> web.Response:
    project_id = (await fields(request)).get("project", "")
    await request.app[FORGE].aliases.set(who(request), request.match_info["name"], project_id=project_id)
    return go(request, "/models/aliases")


async def attempted(request: web.Request) -> web.Response:
    """Send one prompt through the alias; it is paid and written down like any call."""
    prompt = (await fields(request)).get("prompt", "").strip()
    if not 0 < len(prompt) <= 2000:
        raise Invalid("Give a prompt of 1 to 2,000 characters.", field="prompt")
    about = await _one(request)
    project_id = request.query.get("project", "")
    trial = await attempt(request.app[FORGE], who(request), about["name"], prompt, project_id=project_id)
    if by_script(request):
        return render(request, "_trial.html", trial=trial)
    return render(request, "alias.html", **{**about, "trial": trial, "prompt": prompt})


def routes() -> list[web.RouteDef]:
    return [
        web.get("/models/aliases", page),
        web.post("/models/aliases", needs("admin", save)),
        web.get("/models/aliases/{name}", one),
        web.post("/models/aliases/{name}/remove", needs("admin", remove)),
        web.post("/models/aliases/{name}/try", attempted),
    ]
