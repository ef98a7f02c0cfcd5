"""``codeforge models alias`` and ``... route``: names that people choose, for one model or a route of several."""

from __future__ import annotations

from typing import Any

import click

from codeforge.cli.api import Api, part
from codeforge.cli.options import asking
from codeforge.cli.selection import project_of
from codeforge.cli.showing import Asking, Columns
from codeforge.llm import FAULTS, Route, Way

project_option = click.option("--project", metavar="PROJECT", help="Only in this project, where it comes first.")


@click.command()
@click.argument("name", required=False)
@click.argument("model", required=False)
@click.option("--remove", is_flag=True, help="Forget the alias NAME.")
@project_option
@asking
def alias(ask: Asking, name: str | None, model: str | None, remove: bool, project: str | None) -> None:
    """Make NAME stand for MODEL; without arguments, list the aliases."""
    if name is None:
        columns: Columns = {
            "alias": "name",
            "stands for": lambda found: str(_route(found["route"])),
            "in": lambda found: project if found["project_id"] else "every project",
        }
        place = project_of(ask.api, project)["id"] if project else None
        ask.items(ask.api.pages("/aliases", project_id=place), columns, none="There is no alias yet.")
    elif remove:
        ask.api.delete(_path(ask.api, name, project))
        ask.item({"removed": name}, f"The alias {name} is forgotten.")
    elif model:
        _set(ask, name, {"target": model}, project)
    else:
        raise click.UsageError("Give the model that the alias stands for, or --remove.")


@click.command()
@click.argument("name")
@click.argument("models", nargs=-1, required=True, metavar="MODEL[:WEIGHT]...")
@click.option("--fallback", "fallbacks", metavar="MODEL", multiple=True, help="For when the others failed; repeatable.")
@click.option(
    "--on",
    "faults",
    type=click.Choice(FAULTS),
    multiple=True,
    help="What the next model is asked after; repeatable, by default all.",
)
@click.option("--first-seconds", type=float, metavar="N", help="How long each model has to begin its answer.")
@project_option
@asking
def route(
    ask: Asking,
    name: str,
    models: tuple[str, ...],
    *,
    fallbacks: tuple[str, ...],
    faults: tuple[str, ...],
    first_seconds: float | None,
    project: str | None,
) -> None:
    """Make NAME stand for several models: one is drawn for each call, and when it fails, the next is asked.

    A model of weight 3 is drawn three times as often as one of weight 1. A name that itself ends in a colon and a
    number gets its weight, too.
    """
    ways: list[dict[str, Any]] = [_weighed(text) for text in models]
    ways += [{"model": model, "weight": 0} for model in fallbacks]
    made = {"ways": [{**way, "first_seconds": first_seconds} for way in ways], "fall_back_on": faults or FAULTS}
    _set(ask, name, {"route": made}, project)


def _weighed(text: str) -> dict[str, Any]:
    model, colon, weight = text.rpartition(":")
    return {"model": model, "weight": int(weight)} if colon and weight.isdecimal() else {"model": text, "weight": 1}


def _set(ask: Asking, name: str, body: dict[str, Any], project: str | None) -> None:
    found = ask.api.put(_path(ask.api, name, project), body)
    ask.item(found, f"{name} stands for {_route(found['route'])} now" + (f" in {project}." if project else "."))


def _path(api: Api, name: str, project: str | None) -> str:
    place = f"?project_id={part(project_of(api, project)['id'])}" if project else ""
    return f"/aliases/{part(name)}{place}"


def _route(found: dict[str, Any]) -> Route:
    return Route(ways=tuple(Way(**way) for way in found["ways"]), fall_back_on=frozenset(found["fall_back_on"]))
