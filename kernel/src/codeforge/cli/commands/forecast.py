"""``codeforge forecast``: what a run will probably take."""

from __future__ import annotations

import click

from codeforge.cli.api import part
from codeforge.cli.options import asking
from codeforge.cli.selection import project_of
from codeforge.cli.showing import Asking


@click.command()
@click.argument("project")
@click.option("--agent", help="The agent; by default the project's.")
@click.option("--model", help="The model; by default the project's.")
@asking
def command(ask: Asking, project: str, agent: str | None, model: str | None) -> None:
    """Say what a run of PROJECT (name or id) will probably take, by finished runs like it."""
    found = ask.api.get(f"/projects/{part(project_of(ask.api, project)['id'])}/forecast", agent=agent, model=model)
    ask.item(found, found["text"])
