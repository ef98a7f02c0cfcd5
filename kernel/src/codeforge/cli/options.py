"""Options that many commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

data_dir = click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), help="The data folder (setting data_dir)."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
server = click.option("--server", metavar="URL", help="The server to talk to (setting server_url).")
token_file = click.option(
    "--token-file", type=click.Path(path_type=Path, dir_okay=False), help="A file that holds the token (setting token)."
)


def parts(command: Command) -> Command:
    """The command gets ``only`` and ``without``: names of parts of a backup."""
    only = click.option("--only", metavar="PART", multiple=True, help="Only this part (can be repeated).")
    without = click.option(
        "--without", metavar="PART", multiple=True, help="Not this part: database, mirrors, cassettes or key."
    )
    return only(without(command))


def asking(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command gets an `Asking` first: a server to talk to, found or started by the options that this adds."""

    @data_dir
    @token_file
    @server
    @as_json
    @wraps(command)
    def with_server(
        *args: Any, as_json: bool, server: str | None, token_file: Path | None, data_dir: Path | None, **options: Any
    ) -> Any:
        from codeforge.cli.configuration import settled
        from codeforge.cli.reach import reached
        from codeforge.cli.showing import Asking

        settings = settled(server_url=server, data_dir=data_dir)
        with reached(settings, token_file) as found:
            return command(Asking(api=found.api, as_json=as_json, alone=found.house is not None), *args, **options)

    return with_server
