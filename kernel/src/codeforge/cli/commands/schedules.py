"""``codeforge schedules``: tasks that are submitted again and again."""

from __future__ import annotations

from typing import Any

import click

from codeforge.cli.api import part
from codeforge.cli.listing import Listing
from codeforge.cli.options import asking
from codeforge.cli.selection import project_of, prompt_of
from codeforge.cli.showing import Asking, Columns
from codeforge.errors import NotFound


@click.group(cls=Listing)
def command() -> None:
    """Tasks that are submitted again and again."""


@command.command("list")
@asking
def list_(ask: Asking) -> None:
    """List the schedules, with what became of their last time."""
    columns: Columns = {
        "name": "name",
        "cron": "cron",
        "zone": "zone",
        "next (UTC)": lambda s: s["next_at"][:16] if s["enabled"] else "off",
        "the last time": "outcome",
        "id": "id",
    }
    ask.items(ask.api.pages("/schedules"), columns, none="There is no schedule yet.")


def _settings(function: Any) -> Any:
    """The settings of a schedule, as options."""
    for option in (
        click.option("--on/--off", "enabled", default=None, help="Whether it submits anything."),
        click.option("--model", help="The model; by default the project's."),
        click.option("--agent", help="The agent; by default the project's."),
        click.option("--priority", type=int, help="Higher runs first."),
        click.option("--zone", help="The time zone that CRON is read in, such as Europe/Berlin; by default UTC."),
    ):
        function = option(function)
    return function


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


@command.command()
@click.argument("project")
@click.argument("name")
@click.argument("cron")
@click.argument("prompt")
@_settings
@asking
def add(ask: Asking, project: str, name: str, cron: str, prompt: str, **values: Any) -> None:
    """Submit a task with PROMPT ("-": read it from stdin) at the times of CRON, such as "0 6 * * MON-FRI"."""
    body = {"project_id": project_of(ask.api, project)["id"], "name": name, "cron": cron, "prompt": prompt_of(prompt)}
    found = ask.api.post("/schedules", {**body, **_given(**values)})
    ask.item(found, f"{found['name']} comes next at {found['next_at'][:16]} UTC.")


@command.command()
@click.argument("schedule")
@asking
def show(ask: Asking, schedule: str) -> None:
    """Show one schedule, by its name or id."""
    ask.item(_named(ask, schedule))


@command.command()
@click.argument("schedule")
@click.option("--name", help="What it is called.")
@click.option("--cron", help="When it comes: minute, hour, day of month, month, day of week.")
@click.option("--prompt", help="What its tasks say.")
@_settings
@asking
def edit(ask: Asking, schedule: str, **values: Any) -> None:
    """Change a schedule, or switch it on or off; what is not given stays. An empty text takes agent or model away."""
    changes = _given(**values)
    changes |= {name: None for name in ("agent", "model") if changes.get(name) == ""}
    if not changes:
        raise click.UsageError("Say what to change, such as --off.")
    found = ask.api.patch(f"/schedules/{part(_named(ask, schedule)['id'])}", changes)
    when = f"comes next at {found['next_at'][:16]} UTC" if found["enabled"] else "is off"
    ask.item(found, f"{found['name']} {when}.")


@command.command()
@click.argument("schedule")
@asking
def remove(ask: Asking, schedule: str) -> None:
    """Forget a schedule; the tasks that it submitted stay."""
    found = _named(ask, schedule)
    ask.api.delete(f"/schedules/{part(found['id'])}")
    ask.item({"removed": found["id"]}, f"{found['name']} is forgotten.")


def _named(ask: Asking, name: str) -> dict[str, Any]:
    """The schedule of that id or name. Raises `NotFound` with those there are, or where the name is no answer."""
    schedules = list(ask.api.pages("/schedules"))
    found = [s for s in schedules if s["id"] == name] or [s for s in schedules if s["name"] == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise NotFound(f"Several projects have a schedule {name}: give its id ({', '.join(s['id'] for s in found)}).")
    there_is = ", ".join(s["name"] for s in schedules[:8]) or "none"
    raise NotFound(f"There is no schedule {name}; there is {there_is}.")
