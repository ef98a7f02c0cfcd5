"""``codeforge budgets``: what model calls may cost, and what is spent."""

from __future__ import annotations

from typing import Any

import click

from codeforge.cli.api import part
from codeforge.cli.listing import Listing
from codeforge.cli.options import asking
from codeforge.cli.rules import dollars_of
from codeforge.cli.selection import project_of
from codeforge.cli.showing import Asking, Columns
from codeforge.cli.words import money


@click.group(cls=Listing)
def command() -> None:
    """What model calls may cost, and what is spent."""


@command.command("list")
@click.option("--run", help="Those that hold for this run.")
@asking
def list_(ask: Asking, run: str | None) -> None:
    """List the budgets: all but those of single runs, or those that hold for one run."""
    columns: Columns = {
        "budget of": _scope,
        "per": "period",
        "limit": lambda b: money(b["limit_micro"]),
        "spent": lambda b: money(b["spent_micro"]),
        "reserved": lambda b: money(b["held_micro"]),
        "until (UTC)": lambda b: (b["until"] or "")[:16],
        "id": "id",
    }
    ask.items(
        ask.api.pages("/budgets", run=run), columns, none="There is no budget: set one with `codeforge budgets set`."
    )


@command.command("set")
@click.argument("limit", metavar="DOLLARS")
@click.option("--project", help="Of this project, by its name or id; without a scope: of all projects.")
@click.option("--task", help="Of this task, by its id.")
@click.option("--run", help="Of this run, by its id.")
@click.option("--provider", help="Of this provider, by its name.")
@click.option(
    "--per", type=click.Choice(["day", "month", "total"]), default="total", show_default=True, help="How long it lasts."
)
@asking
def set_(ask: Asking, limit: str, per: str, **scopes: str | None) -> None:
    """Let model calls cost DOLLARS at most. A call that might cost more is refused, and its run waits."""
    given = [(scope, name) for scope, name in scopes.items() if name is not None]
    if len(given) > 1:
        raise click.UsageError("Give one of --project, --task, --run and --provider.")
    scope, name = given[0] if given else ("tenant", "")
    scope_id = project_of(ask.api, name)["id"] if scope == "project" else name
    body = {"scope": scope, "scope_id": scope_id, "period": per, "limit_micro": dollars_of(limit, "DOLLARS")}
    made = ask.api.put("/budgets", body)
    spent = f"{money(made['spent_micro'])} is spent, {money(made['held_micro'])} reserved"
    ask.item(made, f"The budget of {_scope(made)} is {money(made['limit_micro'])} per {per}: {spent}.")


@command.command()
@click.argument("budget")
@asking
def remove(ask: Asking, budget: str) -> None:
    """Take a budget away, by its id."""
    ask.api.delete(f"/budgets/{part(budget)}")
    ask.item({"removed": budget}, "The budget is gone.")


def _scope(budget: dict[str, Any]) -> str:
    return "all projects" if budget["scope"] == "tenant" else f"{budget['scope']} {budget['scope_id']}"
