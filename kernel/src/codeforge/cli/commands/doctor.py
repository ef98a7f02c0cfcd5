"""``codeforge doctor``: what is installed, missing or broken, and how to get it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codeforge.cli import options, showing

if TYPE_CHECKING:
    from codeforge.settings import Settings


@click.command()
@options.as_json
@options.data_dir
def command(as_json: bool, data_dir: Path | None) -> None:
    """Tell what is installed, missing or broken, and how to get it. Exit code 1 when something needed is missing."""
    from codeforge.cli.configuration import settled

    rows = asyncio.run(_rows(settled(data_dir=data_dir)))
    columns: showing.Columns = {
        "": _mark,
        "part": "name",
        "version": "version",
        "state": "detail",
        "what to do": lambda row: "" if row["ok"] else row["fix"],
    }
    showing.Output(as_json=as_json).items(rows, columns, none="")
    if any(row["needed"] and not row["ok"] for row in rows):
        raise click.exceptions.Exit(1)


async def _rows(settings: Settings) -> list[dict[str, Any]]:
    from codeforge.cli.examination import examine

    return [finding.row() async for finding in examine(settings)]


def _mark(row: dict[str, Any]) -> object:
    from rich.text import Text

    if row["ok"]:
        return Text("ok", style="green")
    return Text("missing", style="bold red") if row["needed"] else Text("absent", style="yellow")
