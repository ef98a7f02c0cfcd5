"""``codeforge limits``: how many runs may go on at once."""

from __future__ import annotations

from typing import Any

import click

from codeforge.cli.options import asking
from codeforge.cli.rules import number_or_none
from codeforge.cli.showing import Asking
from codeforge.cli.words import say


@click.command()
@click.option("--runs", metavar="N", help='How many in all, or "none".')
@click.option(
    "--agent", "agents", metavar="NAME=N", multiple=True, help='How many of one agent, or "none"; repeatable.'
)
@click.option(
    "--provider", "providers", metavar="NAME=N", multiple=True, help='How many of one provider, or "none"; repeatable.'
)
@asking
def command(ask: Asking, runs: str | None, agents: tuple[str, ...], providers: tuple[str, ...]) -> None:
    """Show how many runs may go on at once, or change it. What is under way goes on."""
    changes: dict[str, Any] = {} if runs is None else {"runs": number_or_none(runs, "--runs")}
    if agents:
        changes["agents"] = dict(_named(text, "--agent") for text in agents)
    if providers:
        changes["providers"] = dict(_named(text, "--provider") for text in providers)
    found = ask.api.patch("/limits", changes) if changes else ask.api.get("/limits")
    if not ask.as_json and found == {"runs": None, "agents": {}, "providers": {}}:
        say("There is no limit: set one with `codeforge limits --runs 4`.")
    else:
        ask.item(found)


def _named(text: str, option: str) -> tuple[str, int | None]:
    name, equals, number = text.rpartition("=")
    if not equals or not name:
        raise click.UsageError(f"{option} takes a name and a number, such as aider=2.")
    return name, number_or_none(number, option)
