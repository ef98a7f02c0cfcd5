"""``codeforge workers``: the processes that execute runs."""

from __future__ import annotations

import click

from codeforge.cli.api import part
from codeforge.cli.listing import Listing
from codeforge.cli.options import asking
from codeforge.cli.showing import Asking, Columns
from codeforge.cli.words import say
from codeforge.errors import NotFound


@click.group(cls=Listing)
def command() -> None:
    """The processes that execute runs, on this and other machines."""


@command.command("list")
@asking
def list_(ask: Asking) -> None:
    """List the workers with their runs, load and last word."""
    columns: Columns = {
        "worker": "name",
        "state": lambda w: ("draining" if w["draining"] else "ready") if w["alive"] else "gone",
        "runs": lambda w: f"{len(w['runs'])} of {w['slots']}",
        "labels": "labels",
        "agents": "agents",
        "version": "version",
        "host": "host",
        "last word (UTC)": lambda w: (w["seen_at"] or "never")[:19],
    }
    ask.items(ask.api.pages("/workers"), columns, none="There is no worker: start one with `codeforge up` or `worker`.")


@command.command()
@click.argument("name")
@click.option("--label", "labels", multiple=True, help="A label that projects can ask for; give it once for each.")
@asking
def add(ask: Asking, name: str, labels: tuple[str, ...]) -> None:
    """Register a worker and print its token, this once."""
    made = ask.api.post("/workers", {"name": name, "labels": list(labels)})
    ask.item(made, made["secret"])
    say("Keep it: it is not shown again. On the worker's machine: CODEFORGE_TOKEN=... codeforge worker --server URL")


@command.command()
@click.argument("worker")
@asking
def drain(ask: Asking, worker: str) -> None:
    """Let a worker (by name or id) finish what it has and take no more."""
    _switch(ask, worker, draining=True)


@command.command()
@click.argument("worker")
@asking
def undrain(ask: Asking, worker: str) -> None:
    """Let a worker (by name or id) take runs again."""
    _switch(ask, worker, draining=False)


@command.command()
@click.argument("worker")
@asking
def revoke(ask: Asking, worker: str) -> None:
    """End a worker's token, by its name or id; its runs go to others."""
    ask.api.delete(f"/workers/{part(_id(ask, worker))}")
    ask.item({"revoked": worker}, "The worker's token is good for nothing now.")


def _switch(ask: Asking, worker: str, *, draining: bool) -> None:
    found = ask.api.patch(f"/workers/{part(_id(ask, worker))}", {"draining": draining})
    ask.item(found, f"Worker {found['name']} takes {'no more runs' if draining else 'runs again'}.")


def _id(ask: Asking, worker: str) -> str:
    for found in ask.api.pages("/workers"):
        if worker in (found["name"], found["id"]):
            return str(found["id"])
    raise NotFound(f"There is no worker {worker}: `codeforge workers` lists those there are.")
