"""``codeforge tasks``: the pieces of work for agents."""

from __future__ import annotations

import click

from codeforge.cli.api import part
from codeforge.cli.options import asking
from codeforge.cli.rules import dollars_of
from codeforge.cli.selection import moment_of, project_of, prompt_of
from codeforge.cli.showing import Asking, Columns
from codeforge.cli.words import count


@click.group()
def command() -> None:
    """The pieces of work for agents."""


@command.command("list")
@click.argument("project")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many, newest first.")
@asking
def list_(ask: Asking, project: str, limit: int) -> None:
    """List a project's tasks, newest first. PROJECT is a name or id."""
    found = ask.api.pages(f"/projects/{part(project_of(ask.api, project)['id'])}/tasks", limit=limit)
    columns: Columns = {
        "task": "title",
        "priority": "priority",
        "created (UTC)": lambda t: t["created_at"][:16],
        "id": "id",
    }
    ask.items(found, columns, none="This project has no task yet: add one with `codeforge tasks add`.")


@command.command()
@click.argument("project")
@click.argument("prompt")
@click.option("--title", default="", help="By default the prompt's first line.")
@click.option("--priority", type=int, default=0, help="Higher runs first.")
@click.option("--agent", help="The agent; by default the project's.")
@click.option("--model", help="The model; by default the project's.")
@click.option("--check", metavar="COMMAND", help="The check; by default the project's.")
@click.option("--needs", metavar="TASK", multiple=True, help="A task whose change must be accepted first; repeatable.")
@click.option(
    "--not-before", metavar="TIME", help="When it may start, such as 2030-01-31T22:00, in this machine's zone."
)
@click.option("--max-cost", metavar="DOLLARS", help="What its first run's model calls may cost.")
@click.option("--start/--no-start", default=True, help="Whether its first run is queued at once.")
@asking
def add(
    ask: Asking,
    project: str,
    prompt: str,
    *,
    title: str,
    priority: int,
    needs: tuple[str, ...],
    not_before: str | None,
    start: bool,
    max_cost: str | None,
    **overrides: str | None,
) -> None:
    """Write a task down and queue its first run. PROMPT says what to do ("-": read it from stdin)."""
    task = {"prompt": prompt_of(prompt), "title": title, "priority": priority, "start": start}
    task |= {"needs": needs, "not_before": moment_of(not_before) if not_before else None}
    if max_cost is not None:
        task["max_cost_micro"] = dollars_of(max_cost, "--max-cost")
    task |= {name: value for name, value in overrides.items() if value is not None}
    made = ask.api.post(f"/projects/{part(project_of(ask.api, project)['id'])}/tasks", task)
    run = made["run"]
    ask.item(made, f"Task {made['task']['id']}" + (f", run {run['id']} is queued." if run else " is written down."))
    ask.queued(run)


@command.command()
@click.argument("task")
@asking
def show(ask: Asking, task: str) -> None:
    """Show one task and its runs."""
    found = ask.api.get(f"/tasks/{part(task)}")
    runs = list(ask.api.pages(f"/tasks/{part(task)}/runs"))
    ask.item({**found, "runs": runs} if ask.as_json else {**found, "runs": [f"{r['id']} ({r['state']})" for r in runs]})


@command.command()
@click.argument("task")
@click.argument("needed", nargs=-1)
@click.option("--none", "nothing", is_flag=True, help="It needs no other task any more.")
@asking
def needs(ask: Asking, task: str, needed: tuple[str, ...], nothing: bool) -> None:
    """Let TASK wait until the changes of the tasks NEEDED, and of no others, are accepted."""
    if bool(needed) == nothing:
        raise click.UsageError("Name the tasks that it needs, or give --none.")
    found = ask.api.put(f"/tasks/{part(task)}/needs", {"needs": needed})
    ask.item(found, f"The task waits for {count(len(found['needs']), 'task')} now.")
