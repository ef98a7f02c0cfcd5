"""What a client command has at hand: the server's API, and one way to print what it answers, for people or scripts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from codeforge.cli.api import Api
from codeforge.cli.words import clean, coloured, say

Columns = Mapping[str, str | Callable[[dict[str, Any]], object]]
"""Headings, each with the item's key or a function of the item."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """Prints results on stdout: JSON with ``as_json``, else tables and lines."""

    as_json: bool = False

    def items(self, items: Iterable[dict[str, Any]], columns: Columns, *, none: str) -> None:
        """A list; ``none`` is said when it is empty."""
        found = list(items)
        if self.as_json:
            print_json(found)
        elif found:
            table(found, columns)
        else:
            say(none)

    def item(self, item: Any, sentence: str = "") -> None:
        """One thing: as JSON, as ``sentence``, or as a list of its fields."""
        if self.as_json:
            print_json(item)
        elif sentence:
            click.echo(clean(sentence))
        else:
            for name, value in item.items():
                if value not in (None, "", [], {}):
                    click.echo(f"{name.replace('_', ' ')}: {_words(value)}")


@dataclass(frozen=True, kw_only=True)
class Asking(Output):
    """A server to talk to. ``alone``: it was started for this command, and nobody works on runs meanwhile."""

    api: Api
    alone: bool = False

    def queued(self, run: dict[str, Any] | None) -> None:
        """Say so when a run waits although nobody would take it up."""
        if run and self.alone:
            say("No server runs on this data folder: the run waits until `codeforge up`.", colour="yellow")


def print_json(value: object) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, indent=2))


def table(items: list[dict[str, Any]], columns: Columns) -> None:
    """A table for people; its cells are cut only where a terminal is too narrow."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for heading in columns:
        shown.add_column(heading, overflow="fold")
    for item in items:
        cells = [item.get(how) if isinstance(how, str) else how(item) for how in columns.values()]
        shown.add_row(*(cell if isinstance(cell, Text) else Text(_words(cell)) for cell in cells))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 10_000  # whoever reads this is a program or a file
    console.print(shown)


def diff(text: str) -> None:
    """A unified diff on stdout, coloured for a terminal."""
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in text.splitlines():
        heading = line.startswith(("diff ", "index ", "+++", "---"))
        click.secho(clean(line), fg=None if heading else colours.get(line[:1]), bold=heading or None, color=coloured())


def echo(text: str, *, colour: str | None = None, bold: bool = False, dim: bool = False) -> None:
    """One line on stdout, coloured for a terminal."""
    click.secho(clean(text), fg=colour, bold=bold or None, dim=dim or None, color=coloured())


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_words, value))
    if isinstance(value, dict):
        return ", ".join(f"{k} {_words(v)}" for k, v in value.items() if v not in (None, ""))
    return "" if value is None else clean(str(value))
