"""The commands of the command line, walked through as click sees them."""

from __future__ import annotations

from collections.abc import Iterator

import click

from codeforge.cli import codeforge
from codeforge.cli.commands import COMMANDS
from reference.tables import code, prose


def walk(context: click.Context | None = None) -> Iterator[click.Context]:
    """Each command that does something, as a context whose ``command_path`` is how it is called."""
    context = context or click.Context(codeforge, info_name="codeforge")
    group = context.command
    if not isinstance(group, click.Group):
        yield context
        return
    for name in COMMANDS if group is codeforge else group.list_commands(context):
        if found := group.get_command(context, name):
            yield from walk(click.Context(found, info_name=name, parent=context))


def usage(context: click.Context) -> str:
    """``codeforge runs list [OPTIONS]``: what to type."""
    return " ".join([context.command_path, *context.command.collect_usage_pieces(context)])


def every() -> str:
    """Each command with its usage, its help and its options."""
    return "\n\n".join(_one(context) for context in walk())


def _one(context: click.Context) -> str:
    words = " ".join(prose(context.command.help or "").split())
    records = [option.get_help_record(context) for option in context.command.params]
    lines = [f"- {code(record[0])}: {prose(record[1])}" for record in records if record]
    return "\n".join([f"#### {context.command_path}\n", f"```\n{usage(context)}\n```\n", words, "", *lines]).strip()
