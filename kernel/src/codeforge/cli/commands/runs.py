"""``codeforge runs``: the attempts at tasks, and the verdicts on their changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from codeforge.cli import lines, showing, words
from codeforge.cli.api import part
from codeforge.cli.listing import Listing
from codeforge.cli.options import asking
from codeforge.cli.selection import project_of, prompt_of
from codeforge.cli.showing import Asking, Columns
from codeforge.cli.words import clean, money, say, shortened

run_id = click.argument("run")


@click.group(cls=Listing)
def command() -> None:
    """The attempts at tasks: look, steer, review."""


@command.command("list")
@click.option("--project", help="Only of this project, by name or id.")
@click.option("--live", is_flag=True, help="Only those that have not ended.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many, newest first.")
@asking
def list_(ask: Asking, project: str | None, live: bool, limit: int) -> None:
    """List runs, newest first."""
    query = {"project": project_of(ask.api, project)["id"] if project else None, "live": "true" if live else None}
    columns: Columns = {
        "state": lambda r: r["state"].replace("_", " ") + (f" ({r['reason']})" if r["reason"] else ""),
        "words": lambda r: shortened(r["prompt"].strip().splitlines()[0]),
        "agent": "agent",
        "model": "model",
        "created (UTC)": lambda r: r["created_at"][:16],
        "id": "id",
    }
    ask.items(ask.api.pages("/runs", limit=limit, **query), columns, none="There is no such run yet.")


@command.command()
@run_id
@asking
def show(ask: Asking, run: str) -> None:
    """Show one run: its state, change, check, use of models, and what can be done with it."""
    ask.item(ask.api.get(f"/runs/{part(run)}"))


@command.command()
@run_id
@click.option("--after", type=click.IntRange(0), default=0, help="Only those after this number.")
@click.option("--follow", is_flag=True, help="Go on until the run has ended.")
@asking
def events(ask: Asking, run: str, after: int, follow: bool) -> None:
    """Show a run's history; with --json one event a line."""
    from codeforge.model import ENDED

    ended = ask.api.get(f"/runs/{part(run)}")["state"] in ENDED
    for event in _all_events(ask, run, after) if ended or not follow else ask.api.events(run, after):
        _show_event(event, as_json=ask.as_json)
        if follow and event["kind"] == "state" and event["data"]["state"] in ENDED:
            return


def _all_events(ask: Asking, run: str, after: int) -> Any:
    while True:
        page = ask.api.get(f"/runs/{part(run)}/events", after=after)
        yield from page["items"]
        if not page["next"]:
            return
        after = page["next"]


def _show_event(event: dict[str, Any], *, as_json: bool) -> None:
    import json

    if as_json:
        click.echo(json.dumps(event))
        return
    for text, style in lines.of(event):
        colour = style.split()[-1] if style else None
        colour = None if colour in ("dim", "italic", "bold") else colour
        showing.echo(text, colour=colour, bold="bold" in style, dim="dim" in style)


@command.command()
@run_id
@click.option("--path", help="Only of this file.")
@asking
def diff(ask: Asking, run: str, path: str | None) -> None:
    """Show what a run changed."""
    found = ask.api.get(f"/runs/{part(run)}/diff", path=path)
    if ask.as_json:
        showing.print_json(found)
    elif found["diff"]:
        showing.diff(found["diff"])
    else:
        say("This run has no change.")


@command.command()
@run_id
@asking
def calls(ask: Asking, run: str) -> None:
    """List a run's model calls: tokens, cost, time and how each ended."""
    columns: Columns = {
        "at (UTC)": lambda c: c["created_at"][11:19],
        "model": "model",
        "status": lambda c: f"{c['status']}{' replayed' if c['replayed'] else ''}",
        "prompt": lambda c: f"{c['prompt_tokens']:,}",
        "answer": lambda c: f"{c['completion_tokens']:,}",
        "cost": lambda c: money(c["cost_micro"]),
        "seconds": lambda c: f"{c['milliseconds'] / 1000:.1f}",
        "error": lambda c: shortened(c["error"]),
        "id": "id",
    }
    ask.items(ask.api.get(f"/runs/{part(run)}/calls")["items"], columns, none="This run has called no model.")


@command.command()
@run_id
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@asking
def cassette(ask: Asking, run: str, folder: Path) -> None:
    """Write what a run's model was asked and answered into a new FOLDER, a cassette, one JSON file for each request."""
    from codeforge.cli.exporting import export

    count = export(ask.api, run, folder)
    ask.item({"folder": str(folder), "exchanges": count}, f"{folder} holds {words.count(count, 'exchange')}.")


@command.command()
@run_id
@asking
def stop(ask: Asking, run: str) -> None:
    """Stop a run; what it did so far is kept."""
    found = ask.api.post(f"/runs/{part(run)}/stop")
    ask.item(found, _standing(found))


@command.command()
@run_id
@asking
def pause(ask: Asking, run: str) -> None:
    """Pause a run: its agent ends, and its work is kept until it is resumed."""
    found = ask.api.post(f"/runs/{part(run)}/pause")
    ask.item(found, _standing(found))


@command.command()
@run_id
@asking
def resume(ask: Asking, run: str) -> None:
    """Put a paused run back into the queue; it goes on from its work so far."""
    found = ask.api.post(f"/runs/{part(run)}/resume")
    ask.item(found, _standing(found))
    ask.queued(found if found["state"] == "queued" else None)


@command.command()
@run_id
@asking
def restart(ask: Asking, run: str) -> None:
    """Begin a run's task anew from scratch, and stop the run if it is not over. Asked again, gives the same new run."""
    _made(ask, ask.api.post(f"/runs/{part(run)}/restart"))


@command.command()
@run_id
@click.option(
    "--from",
    "start",
    type=click.Choice(["scratch", "work"]),
    default="scratch",
    show_default=True,
    help="Begin anew, or go on from what the run left.",
)
@click.option("--agent", default="", help="Another agent.")
@click.option("--model", default="", help="Another model.")
@asking
def retry(ask: Asking, run: str, start: str, agent: str, model: str) -> None:
    """Try the task of a run that has ended once more, with the same agent and model unless others are given."""
    _made(ask, ask.api.post(f"/runs/{part(run)}/retry", {"from": start, "agent": agent, "model": model}))


@command.command()
@run_id
@click.argument("priority", type=click.IntRange(-1_000_000, 1_000_000))
@asking
def prioritise(ask: Asking, run: str, priority: int) -> None:
    """Give a run that waits another priority: higher runs first. A negative one comes after "--"."""
    found = ask.api.patch(f"/runs/{part(run)}", {"priority": priority})
    ask.item(found, f"The run is {found['state']}, with priority {found['priority']}.")


@command.command("say")
@run_id
@click.argument("text")
@asking
def say_(ask: Asking, run: str, text: str) -> None:
    """Say something to a run at work, or go on from one that has ended. TEXT may be "-" for stdin."""
    found = ask.api.post(f"/runs/{part(run)}/messages", {"text": prompt_of(text)})
    if found["id"] == run:
        ask.item(found, "The agent is told at its next turn.")
    else:
        _made(ask, found)


@command.command()
@run_id
@click.argument("question")
@click.argument("choice")
@asking
def answer(ask: Asking, run: str, question: str, choice: str) -> None:
    """Answer a QUESTION of a run's agent, by its id, with the id of a CHOICE; `runs show` lists both."""
    found = ask.api.post(f"/runs/{part(run)}/answers", {"question": question, "answer": choice})
    ask.item(found, "The agent is told.")


@command.command()
@run_id
@click.option("--comment", default="", help="Kept with the verdict.")
@click.option("--strategy", type=click.Choice(["merge", "squash", "fast-forward"]), default="merge", show_default=True)
@asking
def accept(ask: Asking, run: str, comment: str, strategy: str) -> None:
    """Accept a run's change: it is delivered to the project's branch."""
    found = _review(ask, run, verdict="accept", comment=comment, strategy=strategy)
    ask.item(found, f"Accepted and delivered as {found['delivered']}.")


@command.command("send-back")
@run_id
@click.argument("comment")
@asking
def send_back(ask: Asking, run: str, comment: str) -> None:
    """Send a change back: a new run goes on from it. COMMENT says what to do better ("-": read it from stdin)."""
    _made(ask, _review(ask, run, verdict="send_back", comment=prompt_of(comment)))


@command.command()
@run_id
@click.option("--comment", default="", help="Kept with the verdict.")
@asking
def reject(ask: Asking, run: str, comment: str) -> None:
    """Reject a run's change."""
    ask.item(_review(ask, run, verdict="reject", comment=comment), "Rejected; the change stays in the run's history.")


def _review(ask: Asking, run: str, **verdict: str) -> dict[str, Any]:
    found: dict[str, Any] = ask.api.post(f"/runs/{part(run)}/review", verdict)
    return found


def _standing(run: dict[str, Any]) -> str:
    """The run's state, or what it is asked to become."""
    if run["stopping"] or run["pausing"]:
        return f"The run is being {'stopped' if run['stopping'] else 'paused'}."
    return f"The run is {run['state'].replace('_', ' ')}."


def _made(ask: Asking, run: dict[str, Any]) -> None:
    ask.item(run, clean(f"Run {run['id']} is {run['state']}: {run['agent']} with {run['model']}."))
    ask.queued(run)
