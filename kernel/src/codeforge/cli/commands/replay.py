"""``codeforge replay``: a run again, with the answers that its model gave."""

from __future__ import annotations

from pathlib import Path

import click

from codeforge.cli import options


@click.command()
@click.argument("run")
@options.server
@options.token_file
@options.data_dir
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout; progress goes to stderr.")
@click.pass_context
def command(
    ctx: click.Context, run: str, *, server: str | None, token_file: Path | None, data_dir: Path | None, as_json: bool
) -> None:
    """Do RUN again: the same words, agent and commit to begin at, and the answers that its model gave; no model is
    called and nothing is paid.

    Exit code 0: it came out the same. 1: it did not; where it first asked something else is said. 130: stopped by
    Ctrl-C.
    """
    from codeforge.cli.configuration import settled
    from codeforge.cli.replaying import replay

    settings = settled(server_url=server, data_dir=data_dir)
    ctx.exit(replay(settings, token_file, run, as_json=as_json))
