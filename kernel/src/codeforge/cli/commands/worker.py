"""``codeforge worker``: a worker for servers on other machines, until it is told to end."""

from __future__ import annotations

from pathlib import Path

import click

from codeforge.cli import options


@click.command()
@click.option("--slots", type=click.IntRange(1, 64), help="How many runs it works on at once (setting slots).")
@options.server
@options.token_file
@options.data_dir
@click.pass_context
def command(
    ctx: click.Context, *, slots: int | None, server: str | None, token_file: Path | None, data_dir: Path | None
) -> None:
    """Work for the servers at server_url, woken through broker_url, with the token of `codeforge workers add`.

    Ctrl-C or SIGTERM: takes no more runs, finishes those it has, and ends. A second one hands them back, with
    their work, for others to go on with.
    """
    from codeforge.cli.configuration import settled
    from codeforge.cli.toiling import toil

    ctx.exit(toil(settled(slots=slots, server_url=server, data_dir=data_dir), token_file))
