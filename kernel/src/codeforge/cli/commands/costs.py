"""``codeforge costs``: what model calls cost, and how many have no known price."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from codeforge.cli.options import asking
from codeforge.cli.selection import project_of
from codeforge.cli.showing import Asking, Columns
from codeforge.cli.words import clean, money

GROUPINGS = ("day", "project", "agent", "model", "provider", "person")


@click.command()
@click.option("--by", type=click.Choice(GROUPINGS), default="day", show_default=True, help="What to add up by.")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="From this day on, such as 2026-11-01."
)
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Up to this day, which is included.")
@click.option("--zone", help="The time zone of the days, such as Europe/Berlin; by default the server's.")
@click.option("--project", metavar="PROJECT", help="Of this project alone.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, for spreadsheets.")
@asking
def command(ask: Asking, project: str | None, as_csv: bool, **asked: Any) -> None:
    """Add up what model calls cost. A call without a known price is counted apart, never as free."""
    query: dict[str, Any] = {n: v.date() if isinstance(v, datetime) else v for n, v in asked.items()}
    query["project"] = project_of(ask.api, project)["id"] if project else None
    if as_csv:
        click.echo(clean(ask.api.text("/costs", "text/csv", **query).replace("\r\n", "\n")), nl=False)
        return
    found = ask.api.get("/costs", **query)
    columns: Columns = {
        query["by"]: lambda c: c["name"] or c["key"] or "none",
        "calls": lambda c: f"{c['calls']:,}",
        "tokens in": lambda c: f"{c['prompt_tokens']:,}",
        "cached": lambda c: f"{c['cached_tokens']:,}",
        "tokens out": lambda c: f"{c['completion_tokens']:,}",
        "cost": lambda c: money(c["cost_micro"]),
        "unpriced": lambda c: f"{c['unpriced']:,}" if c["unpriced"] else "",
    }
    if ask.as_json:
        ask.item(found)
        return
    total = [{**found["total"], "key": "", "name": "in all"}] if len(found["items"]) > 1 else []
    ask.items([*found["items"], *total], columns, none="No model call was made in that time.")
