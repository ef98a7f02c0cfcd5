"""``codeforge queue``: what waits, in which order, and why."""

from __future__ import annotations

import click

from codeforge.cli.options import asking
from codeforge.cli.showing import Asking, Columns
from codeforge.cli.words import count, say, shortened


@click.command()
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many, the next first.")
@asking
def command(ask: Asking, limit: int) -> None:
    """List what waits, in the order in which it would be taken as things are now, and why each run waits."""
    columns: Columns = {
        "": lambda q: str(q["position"]),
        "task": lambda q: shortened(q["title"], 40),
        "project": "project",
        "priority": "priority",
        "why it waits": "text",
        "agent": "agent",
        "run": "run_id",
    }
    found = list(ask.api.pages("/queue", "after", limit=limit))
    ask.items(found, columns, none="Nothing waits.")
    if len(found) == limit and not ask.as_json:
        total = ask.api.get("/queue", limit=1)["total"]
        if total > limit:
            say(f"{count(total, 'run')} wait in all: see more with --limit.")
