"""A server that stays: `up`, `serve` and the demo."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NoReturn

import click

from codeforge.cli import outcome, presence
from codeforge.cli.api import Api, part
from codeforge.cli.ending import INTERRUPTED
from codeforge.cli.errand import accept
from codeforge.cli.following import follow
from codeforge.cli.local import LocalHouse
from codeforge.cli.signals import Wishes
from codeforge.cli.views import view
from codeforge.cli.words import count, say
from codeforge.errors import CodeForgeError

if TYPE_CHECKING:
    from codeforge.settings import Settings

SLOW = 15.0
"""Seconds after which a person is told that the end takes long."""


def stand(settings: Settings, *, working: bool, demo: bool = False) -> int:
    """Serve until a wish to end; a second one ends at once. Gives the exit code."""
    from codeforge.boot import Taken

    try:
        with (
            Wishes(lambda: _at_once(settings)) as wishes,
            LocalHouse(settings, working=working, open_to_others=True, aloud=True) as house,
        ):
            if demo:
                _stage(house)
            link = settings.link(house.forge.url, house.call(house.forge.accounts.link()))
            click.echo(f"CodeForge runs. Sign in once, within 15 minutes: {link}")
            wishes.wait()
            _end(house, working)
    except Taken:
        if there := presence.found(settings.data_dir):
            raise Taken(
                f"CodeForge runs at {there.url} already (process {there.pid}): `codeforge link` prints a sign-in link."
            ) from None
        raise
    return 0


def _end(house: LocalHouse, working: bool) -> None:
    api = Api(house.forge.url, house.token)
    at_work = [run for run in api.pages("/runs", live=True) if run["state"] not in ("queued", "waiting", "paused")]
    if working and at_work:
        say(f"Ending. {count(len(at_work), 'run')} at work: back into the queue, until the next `codeforge up`.")
    else:
        say("Ending.")
    if not house.ends_within(SLOW):
        say("This takes long; Ctrl-C ends it at once.", colour="yellow")


def _at_once(settings: Settings) -> NoReturn:
    (settings.data_dir / presence.SERVER).unlink(missing_ok=True)
    os._exit(INTERRUPTED)


def _stage(house: LocalHouse, *, fresh: bool = False) -> str:
    """Bring the demo's repository and task; gives the run's id."""
    from codeforge.demo import stage

    return house.call(stage(house.forge, fresh=fresh)).id


def demo_once(settings: Settings) -> int:
    """The demo in the terminal, from the task to the merged commit. Gives the exit code."""
    with (
        Wishes(lambda: say("It is stopping already.")) as wishes,
        LocalHouse(settings, working=True, open_to_others=True) as house,
    ):
        api = Api(house.forge.url, house.token)
        run_id = _stage(house, fresh=True)
        say(f"The demo: a scripted model answers, no key and no network is needed. Run {run_id}.", bold=True)
        with view() as shown:
            run = follow(lambda: api, run_id, shown, wishes)
        diff = api.get(f"/runs/{part(run_id)}/diff")
        if run["state"] == "review" and not wishes.to_end:
            try:
                run = accept(api, run, "merge")
            except CodeForgeError as error:
                outcome.tell(run, diff)
                say(f"The change could not be accepted: {error}", colour="red")
                return 1
        outcome.tell(run, diff)
        project = api.get(f"/projects/{part(run['project_id'])}")
        if run["delivered"]:
            click.echo(f"Merged: commit {run['delivered']} on {project['branch']} of {project['url']}")
        return outcome.exit_code(run, interrupted=wishes.to_end)
