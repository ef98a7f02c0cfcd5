"""``codeforge run``: one task on one repository, in the foreground, from the words to the change."""

from __future__ import annotations

from pathlib import Path

import click

from codeforge.cli import options
from codeforge.cli.rules import dollars_of


@click.command()
@click.option("--repo", required=True, metavar="PATH_OR_URL", help="The repository to work on.")
@click.option("--agent", help="The agent; by default the project's.")
@click.option("--model", metavar="ALIAS", help="The model; by default the project's.")
@click.option("--check", metavar="COMMAND", help="The command that must pass on the change, such as its tests.")
@click.option("--max-cost", metavar="DOLLARS", help="What the run's model calls may cost; by default no limit.")
@click.option("--branch", help="The branch to start from and to deliver to; by default the repository's own.")
@click.option("--accept", is_flag=True, help="Deliver the change when there is one and the check passed.")
@click.option(
    "--strategy",
    type=click.Choice(["merge", "squash", "fast-forward"]),
    default="merge",
    help="How --accept brings the change into the branch.",
)
@options.server
@options.token_file
@options.data_dir
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout; progress goes to stderr.")
@click.argument("prompt")
@click.pass_context
def command(
    ctx: click.Context,
    repo: str,
    prompt: str,
    *,
    agent: str | None,
    model: str | None,
    check: str | None,
    max_cost: str | None,
    branch: str | None,
    accept: bool,
    strategy: str,
    server: str | None,
    token_file: Path | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Put an agent to work on a repository and wait for its change. PROMPT says what to do ("-": read it from stdin).

    Uses the server of this data folder, else one of its own for as long as it takes. Exit code 0: the change is
    there and the check passed. 1: it is not; the reason is said. 130: stopped by Ctrl-C, and the work is kept.
    """
    from codeforge.cli.errand import Errand, Wanted

    wanted = Wanted(
        repo=repo,
        prompt=prompt,
        agent=agent,
        model=model,
        check=check,
        max_cost_micro=None if max_cost is None else dollars_of(max_cost, "--max-cost"),
        branch=branch,
        strategy=strategy if accept else None,
    )
    ctx.exit(Errand(token_file, as_json=as_json, server_url=server, data_dir=data_dir).do(wanted))
