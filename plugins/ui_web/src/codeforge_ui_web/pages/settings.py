"""A project's settings: changed against the version that was seen, and the project's removal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

from aiohttp import web

from codeforge import Invalid
from codeforge.http import FORGE, who
from codeforge.model import Hours, Permissions
from codeforge_ui_web.choices import choices
from codeforge_ui_web.forms import fields, go, micro_or_none, seconds, whole
from codeforge_ui_web.render import render

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


async def page(request: web.Request) -> web.Response:
    project = await request.app[FORGE].projects.get(who(request), request.match_info["id"])
    taken = await request.app[FORGE].space.of(who(request), project.id)
    return render(request, "settings.html", project=project, taken=taken, days=DAYS, **await choices(request))


async def save(request: web.Request) -> web.Response:
    given, project_id = await fields(request), request.match_info["id"]
    project = await request.app[FORGE].projects.get(who(request), project_id)
    steps = whole(given, "steps", "The step limit")
    limits = replace(project.limits, steps=steps, seconds=seconds(given, "minutes"))
    if "rounds" in given:
        limits = replace(limits, rounds=whole(given, "rounds", "The number of rounds", least=0))
    if "cost" in given:
        limits = replace(limits, cost_micro=micro_or_none(given, "cost", "What a run may cost"))
    values: dict[str, Any] = {
        name: given.get(name, "").strip() for name in ("name", "branch", "agent", "model", "check")
    }
    values |= _rules(given, [str(day) for day in (await request.post()).getall("day", [])])
    if "allowed_hosts" in given:
        values["allowed_hosts"] = given["allowed_hosts"].replace(",", " ").split()
    version = whole(given, "version", "The version")
    disk_mb = project.disk_mb
    if "disk_mb" in given:
        disk_mb = whole(given, "disk_mb", "The disk budget") if given["disk_mb"].strip() else None
    if "permissions" in given:
        values["permissions"] = _permissions(given["permissions"])
    await request.app[FORGE].projects.edit(
        who(request), project_id, version=version, limits=limits, disk_mb=disk_mb, **values
    )
    return go(request, f"/projects/{project_id}")


def _permissions(chosen: str) -> str:
    """Who answers agents that ask leave. Raises `Invalid`."""
    if chosen not in get_args(Permissions):
        raise Invalid("Agents that ask leave are allowed, refused, or a person is asked.", field="permissions")
    return chosen


def _rules(given: dict[str, str], days: list[str]) -> dict[str, Any]:
    """When and where the project's runs may start; nothing of it from a form that does not ask. Raises `Invalid`."""
    if "labels" not in given:
        return {}
    most, start, end = (given.get(name, "").strip() for name in ("max_runs", "start", "end"))
    if most and not (most.isascii() and most.isdecimal() and len(most) < 7):
        raise Invalid("How many runs go on at once is a whole number, or empty for no limit.", field="max_runs")
    if bool(start) != bool(end):
        raise Invalid("Hours have a start and an end; leave both empty for any time.", field="start" if end else "end")
    zone, chosen = given.get("zone", "").strip() or "UTC", tuple(sorted(int(day) for day in days if day.isdecimal()))
    return {
        "labels": given["labels"].replace(",", " ").split(),
        "max_runs": int(most) if most else None,
        "hours": Hours(zone=zone, days=chosen, start=start, end=end) if start else None,
    }


async def remove(request: web.Request) -> web.Response:
    await request.app[FORGE].projects.remove(who(request), request.match_info["id"])
    return go(request, "/projects")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/projects/{id}/settings", page),
        web.post("/projects/{id}/settings", save),
        web.post("/projects/{id}/remove", remove),
    ]
