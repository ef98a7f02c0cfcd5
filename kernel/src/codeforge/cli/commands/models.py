"""``codeforge models``: the models to choose from, the providers they come from, and aliases."""

from __future__ import annotations

import click

from codeforge.cli.adding import add
from codeforge.cli.aliasing import alias, route
from codeforge.cli.api import part
from codeforge.cli.listing import Listing
from codeforge.cli.options import asking
from codeforge.cli.showing import Asking, Columns
from codeforge.cli.views import figures
from codeforge.cli.words import money, say


@click.group(cls=Listing)
def command() -> None:
    """The models to choose from, and their providers."""


@command.command("list")
@asking
def list_(ask: Asking) -> None:
    """List the models that can be used now."""
    columns: Columns = {
        "model": "name",
        "provider": "provider",
        "window": lambda m: f"{m['window']:,}" if m["window"] else "",
        "per million tokens": lambda m: f"{money(m['input_price'])} in, {money(m['output_price'])} out",
        "note": "note",
    }
    found = list(ask.api.pages("/models"))
    ask.items(found, columns, none="There is no model yet: add a provider with `codeforge models add`.")
    if not ask.as_json and any(model["input_price"] is None for model in found):
        say("A budget refuses models that are unpriced: say what one costs with `codeforge prices set`.")


@command.command()
@asking
def providers(ask: Asking) -> None:
    """List the providers, added and found, and how they have been doing for a week; their keys are never shown."""
    columns: Columns = {
        "provider": "name",
        "kind": "kind",
        "address": "base_url",
        "key": "has_key",
        "from": lambda p: p["found"] or "added",
        "calls": lambda p: p["health"]["calls"],
        "failed": lambda p: "" if p["health"]["errors"] is None else f"{p['health']['errors']:.0%}",
        "median": lambda p: "" if p["health"]["latency"] is None else f"{p['health']['latency'] / 1000:.1f} s",
        "last error": lambda p: p["health"]["error"],
    }
    ask.items(ask.api.pages("/providers"), columns, none="There is no provider: add one with `codeforge models add`.")


@command.command()
@click.argument("name")
@asking
def test(ask: Asking, name: str) -> None:
    """Ask the provider NAME, by a real call, whether it takes its key."""
    found = ask.api.post(f"/providers/{part(name)}/test")
    ask.item(found, found["detail"])
    if not found["ok"]:
        raise SystemExit(1)


@command.command()
@click.argument("name")
@asking
def remove(ask: Asking, name: str) -> None:
    """Forget the provider NAME and its key."""
    ask.api.delete(f"/providers/{part(name)}")
    ask.item({"removed": name}, f"The provider {name} and its key are forgotten.")


@command.command("try")
@click.argument("model")
@click.argument("prompt", default="Say hello in one short sentence.")
@asking
def try_(ask: Asking, model: str, prompt: str) -> None:
    """Send PROMPT to a MODEL or an alias, as an agent would; it is paid and written down like any call."""
    trial = ask.api.post("/models/try", {"model": model, "prompt": prompt})
    if not trial["ok"]:
        ask.item(trial, f"{trial['model']} did not answer: {trial['detail']}")
        raise SystemExit(1)
    ask.item(trial, trial["answer"])
    if not ask.as_json:
        seconds = trial["milliseconds"] / 1000
        say(f"{trial['model']} answered in {seconds:.1f} s · {figures(trial['usage'])}")


command.add_command(add)
command.add_command(alias)
command.add_command(route)
