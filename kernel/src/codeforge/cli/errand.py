"""What `codeforge run` does: finds or makes the project, submits the task, follows it, and tells how it came out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count as numbers
from pathlib import Path
from typing import Any

from codeforge.cli import outcome, showing
from codeforge.cli.api import Api, part
from codeforge.cli.configuration import settled
from codeforge.cli.following import follow
from codeforge.cli.reach import Reached, found_again, reached
from codeforge.cli.selection import address, prompt_of
from codeforge.cli.signals import Wishes
from codeforge.cli.views import view
from codeforge.cli.words import clean, count, say
from codeforge.errors import CodeForgeError, Conflict, Invalid, NotFound
from codeforge.model import RunState

LINGER = 3.0
"""Seconds for other commands to fetch their results before the server that they found goes."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What was asked for on the command line. ``strategy`` is set when a good change is to be accepted; ``prompt``
    may be "-" for stdin.
    """

    repo: str
    prompt: str
    agent: str | None = None
    model: str | None = None
    check: str | None = None
    max_cost_micro: int | None = None
    branch: str | None = None
    strategy: str | None = None


class Errand:
    """One task from the words to the change. ``flags`` are settings from the command line."""

    def __init__(self, token_file: Path | None, *, as_json: bool, **flags: Any) -> None:
        self._token_file, self._flags = token_file, flags
        self._owes_json = as_json

    def do(self, wanted: Wanted) -> int:
        """Gives the exit code. Raises `CodeForgeError` when there is no run, or no word of how it ended."""
        try:
            self._settings = settled(**self._flags)
            wanted = replace(wanted, prompt=prompt_of(wanted.prompt))
            with reached(self._settings, self._token_file, working=True) as server:
                run, code = self._with(server, wanted)
                if server.house:
                    wait_for_others(server.api, run["id"])
                return code
        except (Exception, KeyboardInterrupt) as error:
            if self._owes_json:
                interrupted = isinstance(error, KeyboardInterrupt)
                showing.print_json(outcome.failed("Interrupted." if interrupted else str(error) or repr(error)))
            raise

    def _with(self, server: Reached, wanted: Wanted) -> tuple[dict[str, Any], int]:
        api, error = server.api, ""
        project, new = project_for(api, wanted)
        overrides = {name: getattr(wanted, name) for name in ("agent", "model", "check", "max_cost_micro")}
        task = {"prompt": wanted.prompt, **{k: v for k, v in overrides.items() if v is not None}}
        with Wishes(lambda: say("It is stopping already; its work is being kept.")) as wishes:
            try:
                run = api.post(f"/projects/{part(project['id'])}/tasks", task)["run"]
            except (Invalid, NotFound):
                if new:
                    api.delete(f"/projects/{part(project['id'])}")
                raise
            say(f"Run {run['id']}: {run['agent']} with {run['model']} on {project['name']} ({project['branch']})")
            with view() as shown:
                run = follow(lambda: self._again(server), run["id"], shown, wishes)
            interrupted, api = wishes.to_end, self._again(server)
            if wanted.strategy and run["state"] == "review" and not interrupted:
                try:
                    run = accept(api, run, wanted.strategy)
                except CodeForgeError as fault:
                    error = f"The change could not be accepted: {fault}"
            diff = api.get(f"/runs/{part(run['id'])}/diff")
        if self._owes_json:
            self._owes_json = False
            showing.print_json(outcome.document(run, diff, error))
        else:
            outcome.tell(run, diff)
        if error:
            say(clean(error), colour="red")
            return run, 1
        return run, outcome.exit_code(run, interrupted=interrupted)

    def _again(self, server: Reached) -> Api:
        return found_again(server, self._settings, self._token_file)


def wait_for_others(api: Api, mine: str) -> None:
    """Other commands may have found the server that this one started: it ends when they are done with it."""
    told = 0
    with Wishes(lambda: None) as wishes:
        while others := sum(_later(run, mine) for run in api.pages("/runs", live="true")):
            if wishes.wait(0.5):
                return
            if others != told:
                say(f"{count(others, 'other run')} at work with this server; Ctrl-C puts them back into the queue.")
                told = others
        if told:
            wishes.wait(LINGER)


def _later(run: dict[str, Any], mine: str) -> bool:
    """Whether a run came after ``mine`` (ids sort by time) and gets on by itself."""
    return bool(run["id"] > mine and run["state"] not in (RunState.PAUSED, RunState.WAITING))


def project_for(api: Api, wanted: Wanted) -> tuple[dict[str, Any], bool]:
    """The project of the wanted repository and branch, taken in when there is none; and whether it was."""
    url = address(wanted.repo)
    seen = api.post("/projects/inspect", {"url": url})
    if seen["dirty"]:
        paths = ", ".join(seen["dirty"][:3]) + (", ..." if len(seen["dirty"]) > 3 else "")
        say(clean(f"Note: files that are not committed are no part of the run ({paths})."), colour="yellow")
    for project in api.pages("/projects"):
        if project["url"] == seen["url"] and wanted.branch in (None, project["branch"]):
            return project, False
    new = {"url": url, "branch": wanted.branch or "", "check": wanted.check or ""}
    name = seen["url"].rstrip("/").rsplit("/", 1)[-1].removesuffix(".git") or "project"
    for number in numbers(1):
        try:
            made: dict[str, Any] = api.post("/projects", {**new, "name": name if number == 1 else f"{name}-{number}"})
        except Conflict as error:
            if error.field != "name":
                raise
        else:
            return made, True
    raise AssertionError


def accept(api: Api, run: dict[str, Any], strategy: str) -> dict[str, Any]:
    """Accept a change; gives the run then."""
    verdict = {"verdict": "accept", "strategy": strategy}
    accepted: dict[str, Any] = api.post(f"/runs/{part(run['id'])}/review", verdict)
    return accepted
