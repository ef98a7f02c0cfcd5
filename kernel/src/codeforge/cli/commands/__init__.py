"""The commands: one module each, imported when its command is called; help needs only the table below."""

from __future__ import annotations

import difflib
from importlib import import_module

import click

COMMANDS = {
    "up": "Start everything on this machine and print a sign-in link.",
    "run": "Put an agent to work on a repository, in the foreground.",
    "doctor": "Tell what is installed, missing or broken, and how to get it.",
    "projects": "The repositories under management.",
    "tasks": "The pieces of work for agents.",
    "runs": "The attempts at tasks: look, stop, review.",
    "replay": "Do a run again with the answers that its model gave.",
    "queue": "What waits, in which order, and why.",
    "limits": "How many runs may go on at once.",
    "schedules": "Tasks that are submitted again and again.",
    "models": "The models to choose from, and their providers.",
    "costs": "What model calls cost, in parts and in all.",
    "prices": "What models cost: list it, say it, take it back.",
    "budgets": "What model calls may cost, and what is spent.",
    "forecast": "What a run will probably take.",
    "agents": "The agents on this machine: check and install them.",
    "plugins": "The installed plugins and what they bring.",
    "tokens": "The bearer tokens of scripts and other machines.",
    "link": "Print a new sign-in link for the running server.",
    "backup": "Write everything to one file, while it runs.",
    "restore": "Bring a backup back.",
    "keys": "The key that stored secrets are locked with.",
    "serve": "Like up, without a worker.",
    "worker": "Work for servers on other machines.",
    "workers": "The processes that execute runs: register, drain, revoke.",
}
"""Each command with its line in the help; its module has the same name and calls it ``command``."""


class Commands(click.Group):
    """The commands of the table, then those that plugins bring."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            command: click.Command = import_module(f"{__name__}.{cmd_name}").command
            return command
        return _of_plugins().get(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if command := self.get_command(ctx, args[0]):
            return args[0], command, args[1:]
        if args[0].startswith("-"):
            raise click.UsageError(f"There is no option {args[0]}.", ctx)
        near = difflib.get_close_matches(args[0], [*COMMANDS, *_of_plugins()], 1)
        raise click.UsageError(f"There is no command {args[0]}" + (f": did you mean {near[0]}?" if near else "."), ctx)


def _of_plugins() -> dict[str, click.Command]:
    from codeforge.cli.configuration import settled
    from codeforge.plugins import Plugins

    settings = settled()
    return Plugins(settings.disabled_plugins).commands(settings)
