"""Aliases, the names that people choose ("fast", "smart"): each stands for a route, in the tenant or in one project."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from codeforge.errors import Invalid, NotFound
from codeforge.forge import projects
from codeforge.llm import FAULTS, Route, Way
from codeforge.model import Principal
from codeforge.store import Door
from codeforge.store import tables as t

if TYPE_CHECKING:
    from codeforge.forge import Forge

View = Mapping[str, Route]
"""Alias -> route, as they are in one place: in a tenant, or in one of its projects."""
MOST, HEAVIEST, LONGEST = 50, 1000, 3600.0
"""Ways of a route, the weight of one, and the seconds that it may take to begin."""


def reached(view: View, name: str) -> Iterator[str]:
    """The names of models that ``name`` comes down to, in order, the first one first; a circle ends where it closes."""
    left, seen = [name], set()
    while left:
        name = left.pop(0)
        if name not in seen:
            seen.add(name)
            if route := view.get(name):
                left = [*(way.model for way in route.ways), *left]
            else:
                yield name


def circle(view: View, start: str, path: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The way from alias ``start`` back to it; empty where there is none."""
    for way in view[path[-1] if path else start].ways:
        if way.model == start:
            return (start, *path, start)
        if way.model in view and way.model not in path and (found := circle(view, start, (*path, way.model))):
            return found
    return ()


class Aliases:
    """The tenant's aliases, and those of its projects, which count there before the tenant's."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    async def list(self, tenant_id: str, project_id: str = "") -> dict[str, str]:
        """Alias -> the first model of its route."""
        return {name: route.ways[0].model for name, route in (await self.routes(tenant_id, project_id)).items()}

    async def routes(self, tenant_id: str, project_id: str = "") -> dict[str, Route]:
        """Alias -> route, as they count in a project, or in the tenant where none is named."""
        return await self._forge.store.read(tenant_id, _view, project_id)

    async def own(self, tenant_id: str, project_id: str) -> dict[str, Route]:
        """The aliases that a project has for itself."""
        return await self._forge.store.read(tenant_id, _own, project_id)

    async def set(
        self, who: Principal, name: str, target: str = "", *, route: Route | None = None, project_id: str = ""
    ) -> None:
        """Let ``name`` stand for the model ``target`` or for a ``route``, in the tenant or in one project.

        Neither of the two removes it. Raises `NotFound` (project, target) and `Invalid` (name, route, a circle).
        """
        from codeforge.forge.models import NAME

        if not NAME.fullmatch(name):
            raise Invalid("An alias is of a-z, 0-9, '.', '_' and '-', like fast or smart.", field="name")
        if route:
            route = await self._checked(who, route, project_id)
        elif target:
            found = await self._forge.models.find(who, target, project_id)
            route = Route(ways=(Way(model=found.name),))
        await self._forge.store.run(who.tenant_id, _set, name, route, project_id)
        self._forge.models.changes += 1

    async def _checked(self, who: Principal, route: Route, project_id: str) -> Route:
        """The route with its models by their full names. Raises `Invalid`."""
        if not route.ways or not any(way.weight > 0 for way in route.ways):
            raise Invalid("A route needs at least one model with a weight of 1 or more.", field="route")
        if len(route.ways) > MOST:
            raise Invalid(f"A route has at most {MOST} models.", field="route")
        if wrong := route.fall_back_on.difference(FAULTS):
            raise Invalid(f"A route falls back on {', '.join(FAULTS)}, not on {min(wrong)}.", field="route")
        ways: dict[str, Way] = {}
        for way in route.ways:
            if not 0 <= way.weight <= HEAVIEST:
                raise Invalid(f"A weight is a whole number from 0 to {HEAVIEST}, not {way.weight}.", field="route")
            if way.first_seconds is not None and not 0 < way.first_seconds <= LONGEST:
                raise Invalid(f"A model has up to {LONGEST:g} seconds to begin; give more than 0.", field="route")
            try:
                model = (await self._forge.models.find(who, way.model, project_id)).name
            except NotFound as error:
                raise Invalid(str(error), field="route") from None
            if model in ways:
                raise Invalid(f"{model} stands twice in the route: give it once, with its weight.", field="route")
            ways[model] = replace(way, model=model)
        return replace(route, ways=tuple(ways.values()))


def _route(row: dict[str, Any]) -> Route:
    if not row["route"]:
        return Route(ways=(Way(model=row["target"]),))
    ways = tuple(Way(**way) for way in row["route"]["ways"])
    return Route(ways=ways, fall_back_on=frozenset(row["route"]["fall_back_on"]))


def _own(door: Door, project_id: str) -> dict[str, Route]:
    found = door.all(t.ProjectAlias, t.ProjectAlias.project_id == project_id) if project_id else []
    return {row["name"]: _route(row) for row in found}


def _view(door: Door, project_id: str) -> dict[str, Route]:
    return {row["name"]: _route(row) for row in door.all(t.Alias)} | _own(door, project_id)


def _set(door: Door, name: str, route: Route | None, project_id: str) -> None:
    values: dict[str, Any] = {"name": name}
    if project_id:
        projects.find(door, project_id)
        values["project_id"] = project_id
        door.delete(t.ProjectAlias, t.ProjectAlias.name == name, t.ProjectAlias.project_id == project_id)
    else:
        door.delete(t.Alias, t.Alias.name == name)
    if route is None:
        return
    values |= {"target": route.ways[0].model, "route": _kept(route)}
    door.insert(t.ProjectAlias if project_id else t.Alias, **values)
    own: dict[str, dict[str, Route]] = defaultdict(dict)
    for row in door.all(t.ProjectAlias):
        own[row["project_id"]][row["name"]] = _route(row)
    everywhere = _view(door, "")
    for view in [everywhere | own[project_id]] if project_id else [everywhere, *(everywhere | o for o in own.values())]:
        if path := circle(view, name):
            raise Invalid(f"{name} would stand for itself: {' -> '.join(path)}.", field="route")


def _kept(route: Route) -> dict[str, Any] | None:
    """What the column ``route`` holds; nothing where ``target`` says it all."""
    if route == Route(ways=(Way(model=route.ways[0].model),)):
        return None
    return {"ways": [asdict(way) for way in route.ways], "fall_back_on": sorted(route.fall_back_on)}
