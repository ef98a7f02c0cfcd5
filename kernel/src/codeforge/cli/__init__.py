"""The command line: `codeforge`, a client of the REST API but for the commands that start or examine this machine."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from codeforge import __version__
from codeforge.cli.commands import Commands
from codeforge.cli.ending import guarded

__all__ = ["main"]


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Plugins may bring more commands: see `codeforge plugins`.",
)
@click.option("--debug", is_flag=True, help="Show where an error comes from.")
@click.version_option(__version__, prog_name="codeforge")
def codeforge(debug: bool) -> None:
    """AI coding agents at work on your repositories, and you in charge."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 1 not done, 2 called wrongly, 130 interrupted."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # what a terminal cannot show gets its number, as on stderr
        sys.stdout.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if arguments is None else list(arguments)
    sys.exit(guarded(lambda: codeforge.main(words, prog_name="codeforge", standalone_mode=False), words))
