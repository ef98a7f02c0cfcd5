"""``codeforge models``: the models to choose from, the providers they come from, and aliases."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from codeforge.cli.aliasing import alias, route
from codeforge.cli.api import part
from codeforge.cli.listing import Listing
from codeforge.cli.options import asking
from codeforge.cli.showing import Asking, Columns
from codeforge.cli.words import money, say
from codeforge.errors import Invalid


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
    """List the providers that were added here; their keys are never shown."""
    columns: Columns = {"provider": "name", "kind": "kind", "address": "base_url", "key": "has_key"}
    ask.items(ask.api.pages("/providers"), columns, none="No provider was added here.")


@command.command()
@click.argument("name")
@click.option("--kind", required=True, help="What it speaks: openai, anthropic, ollama, ...")
@click.option(
    "--base-url", default="", help="Where it is, such as https://host/v1; by default where its kind usually is."
)
@click.option("--key-env", metavar="VARIABLE", help="The environment variable that holds its key.")
@click.option("--key-stdin", is_flag=True, help="Read its key from stdin.")
@click.option("--no-key", is_flag=True, help="It wants no key; one that was set before stays.")
@asking
def add(ask: Asking, name: str, kind: str, base_url: str, **sources: Any) -> None:
    """Add the provider NAME, or change it. Its key is asked for, and is never shown again."""
    body = {"kind": kind, "base_url": base_url, "key": _key(**sources)}
    ask.item(ask.api.put(f"/providers/{part(name)}", body), f"The provider {name} is set: see `codeforge models list`.")


def _key(key_env: str | None, key_stdin: bool, no_key: bool) -> str | None:
    if (key_env is not None) + key_stdin + no_key > 1:
        raise click.UsageError("Give one of --key-env, --key-stdin and --no-key.")
    if no_key:
        return None
    if key_env is not None:
        if not (key := os.environ.get(key_env)):
            raise Invalid(f"The environment variable {key_env} is empty: set it to the provider's key.")
        return key
    if key_stdin or not sys.stdin.isatty():
        if not (key := sys.stdin.readline().strip()):
            raise Invalid("There is no key on stdin: give it there, or name its variable with --key-env.")
        return key
    answer: str = click.prompt("Key", hide_input=True, err=True)
    return answer


@command.command()
@click.argument("name")
@asking
def remove(ask: Asking, name: str) -> None:
    """Forget the provider NAME and its key."""
    ask.api.delete(f"/providers/{part(name)}")
    ask.item({"removed": name}, f"The provider {name} and its key are forgotten.")


command.add_command(alias)
command.add_command(route)
