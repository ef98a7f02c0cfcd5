"""Lays a route out flat: the models that an alias comes down to, in order, each with its share of the calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from codeforge import Route, Way


@dataclass(frozen=True, kw_only=True, slots=True)
class Leg:
    """A model by its full name; ``weight`` is its share, ``first_seconds`` how long it has to begin to answer."""

    model: str
    weight: float = 1.0
    first_seconds: float | None = None


def unfold(routes: Mapping[str, Route], name: str) -> list[Leg]:
    """What ``name`` comes down to. A model that several ways lead to stands where it comes first, with all its shares.

    An alias within a route shares its weight out among its own ways; circles lead nowhere.
    """
    legs: dict[str, Leg] = {}
    for leg in _legs(routes, Way(model=name), 1.0, ()):
        known = legs.get(leg.model)
        legs[leg.model] = replace(known, weight=known.weight + leg.weight) if known else leg
    return list(legs.values())


def _legs(routes: Mapping[str, Route], way: Way, weight: float, path: tuple[str, ...]) -> Iterator[Leg]:
    route = routes.get(way.model)
    if route is None:
        yield Leg(model=way.model, weight=weight, first_seconds=way.first_seconds)
    elif way.model not in path:
        whole = sum(inner.weight for inner in route.ways)
        for inner in route.ways:
            hurried = replace(inner, first_seconds=inner.first_seconds or way.first_seconds)
            yield from _legs(routes, hurried, weight * inner.weight / whole, (*path, way.model))
