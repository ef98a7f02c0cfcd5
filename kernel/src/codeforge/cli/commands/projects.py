"""``codeforge projects``: the repositories under management."""

from __future__ import annotations

from typing import Any

import click

from codeforge.cli.api import part
from codeforge.cli.listing import Listing
from codeforge.cli.options import asking
from codeforge.cli.rules import NONE, dollars_of, hours_of, number_or_none
from codeforge.cli.selection import address, project_of
from codeforge.cli.showing import Asking, Columns


@click.group(cls=Listing)
def command() -> None:
    """The repositories under management."""


@command.command("list")
@asking
def list_(ask: Asking) -> None:
    """List the projects."""
    columns: Columns = {
        "name": "name",
        "repository": "url",
        "branch": "branch",
        "agent": "agent",
        "model": "model",
        "id": "id",
    }
    ask.items(
        ask.api.pages("/projects"), columns, none="There is no project yet: add one with `codeforge projects add`."
    )


def _settings(function: Any) -> Any:
    """The settings of a project, as options."""
    for option in (
        click.option("--max-cost", metavar="DOLLARS", help='What one run\'s model calls may cost, or "none".'),
        click.option("--steps", type=int, help="Model calls after which a run is cut off."),
        click.option("--seconds", type=int, help="Seconds after which a run is cut off."),
        click.option("--rounds", type=int, help="How often a change that fails the check goes back to its agent."),
        click.option("--check", metavar="COMMAND", help="The command that runs on every change, such as its tests."),
        click.option(
            "--permissions",
            type=click.Choice(["allow", "deny", "ask"]),
            help="What agents are told that ask leave to do something: yes, no, or what a person answers.",
        ),
        click.option("--model", help="The model of its tasks."),
        click.option("--agent", help="The agent of its tasks."),
        click.option("--branch", help="The branch that changes start from and go to."),
        click.option("--name", help="What it is called here."),
    ):
        function = option(function)
    return function


def _given(
    steps: int | None, seconds: int | None, rounds: int | None, max_cost: str | None, **values: str | None
) -> dict[str, Any]:
    counts = {"steps": steps, "seconds": seconds, "rounds": rounds}
    limits: dict[str, int | None] = {name: value for name, value in counts.items() if value is not None}
    if max_cost is not None:
        limits["cost_micro"] = None if max_cost == NONE else dollars_of(max_cost, "--max-cost")
    given: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    return {**given, "limits": limits} if limits else given


@command.command()
@click.argument("path_or_url")
@_settings
@asking
def add(ask: Asking, path_or_url: str, **values: Any) -> None:
    """Take a repository in, by its path on this machine or its address."""
    found = ask.api.post("/projects", {"url": address(path_or_url), **_given(**values)})
    ask.item(found, f"{found['name']} is a project now: branch {found['branch']}, agent {found['agent']}.")


@command.command()
@click.argument("project")
@asking
def show(ask: Asking, project: str) -> None:
    """Show one project, by its name or id, with what it takes on disk in bytes."""
    found = project_of(ask.api, project)
    ask.item({**found, "disk": ask.api.get(f"/projects/{part(found['id'])}/disk")})


def _rules(function: Any) -> Any:
    """When and where a project's runs may start, as options."""
    for option in (
        click.option(
            "--allow-host",
            "allowed_hosts",
            multiple=True,
            metavar="HOST",
            help='What its runs may reach from within a sandbox, such as example.org; repeatable; "none": nothing.',
        ),
        click.option("--disk-mb", metavar="MB", help='MB that it may take of a worker\'s disk, or "none".'),
        click.option("--zone", help="The time zone of its hours; by default UTC, or the one that they have."),
        click.option("--days", help="The days of its hours, such as mon-fri or mon,wed; by default mon-fri."),
        click.option("--hours", metavar="START-END", help='When its runs may start, such as 22:00-06:00, or "none".'),
        click.option("--max-runs", metavar="N", help='How many of its runs go on at once, or "none" for no limit.'),
        click.option(
            "--label", "labels", multiple=True, help='What its workers must have; repeatable; "none": nothing.'
        ),
    ):
        function = option(function)
    return function


@command.command()
@click.argument("project")
@_settings
@_rules
@asking
def edit(
    ask: Asking,
    project: str,
    *,
    labels: tuple[str, ...],
    allowed_hosts: tuple[str, ...],
    max_runs: str | None,
    disk_mb: str | None,
    hours: str | None,
    days: str | None,
    zone: str | None,
    **values: Any,
) -> None:
    """Change a project's settings; what is not given stays. An empty text takes a model or check away."""
    changes = _given(**values)
    if labels:
        changes["labels"] = [] if labels == ("none",) else labels
    if allowed_hosts:
        changes["allowed_hosts"] = [] if allowed_hosts == ("none",) else allowed_hosts
    for name, text in (("max_runs", max_runs), ("disk_mb", disk_mb)):
        if text is not None:
            changes[name] = number_or_none(text, f"--{name.replace('_', '-')}")
    if hours or days or zone:
        changes["hours"] = hours_of(project_of(ask.api, project)["hours"], hours, days, zone)
    if not changes:
        raise click.UsageError("Say what to change, such as --check 'make test'.")
    before = project_of(ask.api, project)
    found = ask.api.patch(f"/projects/{part(before['id'])}", changes, etag=f'"{before["version"]}"')
    ask.item(found, f"{found['name']} is changed.")


@command.command()
@click.argument("project")
@click.option("--yes", is_flag=True, help="Do not ask.")
@asking
def remove(ask: Asking, project: str, yes: bool) -> None:
    """Forget a project with its tasks and runs; the repository itself stays as it is."""
    found = project_of(ask.api, project)
    if not yes:
        click.confirm(f"Forget {found['name']} with all its tasks and runs?", abort=True, err=True)
    ask.api.delete(f"/projects/{part(found['id'])}")
    ask.item({"removed": found["id"]}, f"{found['name']} is forgotten.")
