"""``codeforge plugins``: what is installed, what it brings, what is broken."""

from __future__ import annotations

import click

from codeforge.cli.options import asking
from codeforge.cli.showing import Asking, Columns


@click.command()
@asking
def command(ask: Asking) -> None:
    """List the installed plugins: what they bring, or why they are broken."""
    columns: Columns = {
        "plugin": "name",
        "package": "distribution",
        "version": "version",
        "brings": lambda p: f"broken: {p['broken']}" if p["broken"] else p["offers"],
    }
    ask.items(ask.api.pages("/plugins"), columns, none="No plugin is installed.")
