"""``codeforge up``: everything on this machine, until Ctrl-C."""

from __future__ import annotations

from pathlib import Path

import click

from codeforge.cli import options

host = click.option("--host", help="The address to listen on (setting host).")
port = click.option("--port", type=int, help="The port to listen on; 0 takes a free one (setting port).")


@click.command()
@click.option("--demo", is_flag=True, help="Bring a sample repository with a task for the agent.")
@click.option("--once", is_flag=True, help="With --demo: follow it here, accept its change, and end.")
@host
@port
@options.data_dir
@click.pass_context
def command(
    ctx: click.Context, *, demo: bool, once: bool, host: str | None, port: int | None, data_dir: Path | None
) -> None:
    """Start everything on this machine (pages, API, one worker) and print a sign-in link. Ctrl-C ends it."""
    from codeforge.cli.configuration import settled
    from codeforge.cli.standing import demo_once, stand

    if once and not demo:
        raise click.UsageError("--once goes with --demo.")
    settings = settled(host=host, port=port if not once else port or 0, data_dir=data_dir)
    ctx.exit(demo_once(settings) if once else stand(settings, working=True, demo=demo))
