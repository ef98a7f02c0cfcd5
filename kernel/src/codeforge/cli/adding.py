"""``codeforge models add``: asks for what a kind of provider needs, and no more."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from codeforge.cli.api import part
from codeforge.cli.options import asking
from codeforge.cli.showing import Asking
from codeforge.errors import Invalid

KEY = {"name": "key", "label": "Key", "example": "", "required": True, "secret": True, "many": False}


@click.command()
@click.argument("name")
@click.option("--kind", help="What it is: openai, anthropic, azure, ollama, ...; by default its name says so.")
@click.option("--base-url", help="Where it is, such as https://host/v1; by default where its kind usually is.")
@click.option(
    "--set",
    "settings",
    metavar="NAME=VALUE",
    multiple=True,
    help="What else it needs, such as region=eu-central-1; several values with commas; repeatable.",
)
@click.option("--key-env", metavar="VARIABLE", help="The environment variable that holds its key.")
@click.option("--key-stdin", is_flag=True, help="Read its key from stdin.")
@click.option("--no-key", is_flag=True, help="It wants no key; one that was set before stays.")
@click.option("--no-test", is_flag=True, help="Keep it without asking it whether it takes its key.")
@asking
def add(
    ask: Asking,
    name: str,
    *,
    kind: str | None,
    base_url: str | None,
    settings: tuple[str, ...],
    no_test: bool,
    **key: Any,
) -> None:
    """Add the provider NAME, or change it. What its kind needs and is not given is asked for.

    It is asked by a real call first, and kept only if it takes its key, which is never shown again.
    """
    kinds = {found["name"]: found["fields"] for found in ask.api.pages("/provider-kinds")}
    kind = kind or name
    if kinds and kind not in kinds:
        raise click.UsageError(f"There is no kind {kind} of providers: give --kind, one of {', '.join(kinds)}.")
    fields = {field["name"]: field for field in kinds.get(kind, [KEY])}
    given = {"base_url": base_url, **dict(map(_pair, settings))}
    for field in fields.values():
        if field["required"] and not field["secret"] and not given.get(field["name"]) and sys.stdin.isatty():
            like = f" (such as {field['example']})" if field["example"] else ""
            given[field["name"]] = click.prompt(field["label"] + like, err=True)
    body = {
        "kind": kind,
        "base_url": given.pop("base_url") or "",
        "key": _key(fields.get("key"), **key),
        "settings": {
            one: _split(text) if one in fields and fields[one]["many"] else text for one, text in given.items()
        },
    }
    path = f"/providers/{part(name)}" + ("?test=false" if no_test else "")
    ask.item(ask.api.put(path, body), f"The provider {name} is set: see `codeforge models list`.")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError("--set takes a name and a value, such as region=eu-central-1.")
    return name, value


def _split(text: str | None) -> list[str]:
    return [name for part in (text or "").split(",") if (name := part.strip())]


def _key(field: dict[str, Any] | None, *, key_env: str | None, key_stdin: bool, no_key: bool) -> str | None:
    """The key from where it was said to be; a kind that wants none is not asked for one."""
    if (key_env is not None) + key_stdin + no_key > 1:
        raise click.UsageError("Give one of --key-env, --key-stdin and --no-key.")
    if no_key:
        return None
    if key_env is not None:
        if not (key := os.environ.get(key_env)):
            raise Invalid(f"The environment variable {key_env} is empty: set it to the provider's key.")
        return key
    if field is None and not key_stdin:
        return None
    optional = field is not None and not field["required"]
    if key_stdin or not sys.stdin.isatty():
        if not (key := sys.stdin.readline().strip()) and not optional:
            raise Invalid("There is no key on stdin: give it there, or name its variable with --key-env.")
        return key or None
    label = field["label"] if field else "Key"
    words = f"{label} (Enter: none)" if optional else label
    default = "" if optional else None
    answer: str = click.prompt(words, hide_input=True, err=True, default=default, show_default=False)
    return answer or None
