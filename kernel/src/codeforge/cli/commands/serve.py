"""``codeforge serve``: the server without a worker."""

from __future__ import annotations

from pathlib import Path

import click

from codeforge.cli import options
from codeforge.cli.commands.up import host, port


@click.command()
@host
@port
@options.data_dir
@click.pass_context
def command(ctx: click.Context, *, host: str | None, port: int | None, data_dir: Path | None) -> None:
    """Start pages, API and scheduler without a worker: runs wait until one takes them."""
    from codeforge.cli.configuration import settled
    from codeforge.cli.standing import stand

    ctx.exit(stand(settled(host=host, port=port, data_dir=data_dir), working=False))
