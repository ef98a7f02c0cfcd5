"""``codeforge prices``: what models cost."""

from __future__ import annotations

from typing import Any

import click

from codeforge.cli.listing import Listing
from codeforge.cli.options import asking
from codeforge.cli.rules import dollars_of
from codeforge.cli.showing import Asking, Columns
from codeforge.cli.words import money
from codeforge.errors import Invalid

PARTS = ("input", "output", "cached", "written", "reasoning")


@click.group(cls=Listing)
def command() -> None:
    """What models cost: list it, say it, take it back."""


@command.command("list")
@click.option("--history", is_flag=True, help="Every version, also those that hold no more.")
@asking
def list_(ask: Asking, history: bool) -> None:
    """List what is known of models that were used, and what people said."""
    columns: Columns = {
        "model": lambda p: f"{p['provider']}/{p['model']}",
        "per million tokens": lambda p: "; ".join(map(_step, p["steps"])),
        "by": lambda p: p["made_by"] or f"the {p['source']}",
        "since (UTC)": lambda p: p["valid_from"][:16],
    }
    found = ask.api.pages("/prices", history="true" if history else None)
    ask.items(found, columns, none="No model was used yet, and nobody has said what one costs.")


def _step(step: dict[str, Any]) -> str:
    text = ", ".join(f"{money(step[name])} {name}" for name in PARTS if step[name] is not None)
    return f"above {step['above']:,} tokens {text}" if step["above"] else text


@command.command("set")
@click.argument("model", metavar="PROVIDER/MODEL")
@click.option("--input", metavar="DOLLARS", help="For a million tokens of prompts.")
@click.option("--output", metavar="DOLLARS", help="For a million tokens of answers.")
@click.option(
    "--cached", metavar="DOLLARS", help="For those of prompts from the provider's cache; by default as others."
)
@click.option("--written", metavar="DOLLARS", help="For those written to the cache; by default as others.")
@click.option("--reasoning", metavar="DOLLARS", help="For those of answers that are not shown; by default as others.")
@click.option("--free", is_flag=True, help="It costs nothing, such as a model on a machine of your own.")
@asking
def set_(ask: Asking, model: str, free: bool, **given: str | None) -> None:
    """Say what a model costs; PROVIDER/* is all of a provider's models. It counts before what is known otherwise."""
    prices = {name: dollars_of(text, f"--{name}") for name, text in given.items() if text is not None}
    if free == bool(prices) or not (free or {"input", "output"} <= prices.keys()):
        raise click.UsageError("Give --input and --output in dollars per million tokens, or --free.")
    made = ask.api.put("/prices", {**_named(model), **({"input": 0, "output": 0} if free else prices)})
    ask.item(made, f"{model} costs {'nothing' if free else _step(made['steps'][0])} from now on.")


@command.command()
@click.argument("model", metavar="PROVIDER/MODEL")
@asking
def forget(ask: Asking, model: str) -> None:
    """Take back what somebody said that a model costs."""
    ask.api.delete("/prices", **_named(model))
    ask.item({"removed": model}, f"What {model} costs is for the provider and the map to say again.")


def _named(model: str) -> dict[str, str]:
    provider, slash, name = model.partition("/")
    if not slash or not provider or not name:
        raise Invalid(f"{model} is no model with its provider: give PROVIDER/MODEL, or PROVIDER/* for all of them.")
    return {"provider": provider, "model": name}
