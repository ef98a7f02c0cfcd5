"""``codeforge tokens``: the bearer tokens of scripts and other machines."""

from __future__ import annotations

import click

from codeforge.cli.api import part
from codeforge.cli.listing import Listing
from codeforge.cli.options import asking
from codeforge.cli.showing import Asking, Columns
from codeforge.cli.words import say


@click.group(cls=Listing)
def command() -> None:
    """The bearer tokens of scripts and other machines."""


@command.command("list")
@asking
def list_(ask: Asking) -> None:
    """List the tokens; their secrets are not kept."""
    columns: Columns = {
        "token": "name",
        "scopes": "scopes",
        "created": lambda t: t["created_at"][:10],
        "expires": lambda t: (t["expires_at"] or "never")[:10],
        "used (UTC)": lambda t: (t["used_at"] or "never")[:16],
        "id": "id",
    }
    ask.items(ask.api.pages("/tokens"), columns, none="There is no token yet.")


@command.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(["read", "write", "admin"]),
    default=("read", "write"),
    show_default=True,
    help="What it may do; give it once for each.",
)
@click.option(
    "--days", type=click.FloatRange(0, min_open=True), help="How long it is good; by default until it is revoked."
)
@asking
def new(ask: Asking, name: str, scopes: tuple[str, ...], days: float | None) -> None:
    """Make a token and print its secret, this once."""
    made = ask.api.post("/tokens", {"name": name, "scopes": list(scopes), "days": days})
    ask.item(made, made["secret"])
    say(f"Keep it: it is not shown again. `codeforge tokens revoke {made['id']}` ends it.")


@command.command()
@click.argument("token")
@asking
def revoke(ask: Asking, token: str) -> None:
    """End a token, by its id."""
    ask.api.delete(f"/tokens/{part(token)}")
    ask.item({"revoked": token}, "The token is good for nothing now.")
