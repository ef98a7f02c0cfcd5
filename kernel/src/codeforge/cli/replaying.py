"""What `codeforge replay` does: starts the replay of a run, follows it, and tells whether it came out the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from codeforge.cli import showing
from codeforge.cli.api import Api, part
from codeforge.cli.ending import INTERRUPTED
from codeforge.cli.errand import wait_for_others
from codeforge.cli.following import follow
from codeforge.cli.reach import Reached, found_again, reached
from codeforge.cli.signals import Wishes
from codeforge.cli.views import view
from codeforge.cli.words import count, say
from codeforge.settings import Settings


def replay(settings: Settings, token_file: Path | None, run_id: str, *, as_json: bool) -> int:
    """Replay a run. Gives the exit code: 0 for the same outcome, 1 for another, 130 when a person interrupted."""
    with (
        reached(settings, token_file, working=True) as server,
        Wishes(lambda: say("It is stopping already.")) as wishes,
    ):
        again = _followed(server, settings, token_file, run_id, wishes)
        api = found_again(server, settings, token_file)
        found = verdict(api, api.get(f"/runs/{part(run_id)}"), again)
        if as_json:
            showing.print_json(found)
        else:
            showing.echo(found["sentence"], colour="green" if found["same"] else "red")
            say(f"To see what the replay changed: codeforge runs diff {again['id']}")
        if server.house:
            wait_for_others(api, again["id"])
    if wishes.to_end:
        return INTERRUPTED
    return 0 if found["same"] else 1


def _followed(
    server: Reached, settings: Settings, token_file: Path | None, run_id: str, wishes: Wishes
) -> dict[str, Any]:
    run = server.api.post(f"/runs/{part(run_id)}/replay")
    say(f"Run {run['id']}: {run['agent']} with the answers that run {run_id} was given. No model is called.")
    with view() as shown:
        return follow(lambda: found_again(server, settings, token_file), run["id"], shown, wishes)


def verdict(api: Api, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """How the replay ``after`` compares with the run ``before``, as facts for scripts and a sentence for people."""
    divergence = _divergence(api, after["id"])
    was, now = (api.get(f"/runs/{part(run['id'])}/diff")["diff"] for run in (before, after))
    same = divergence is None and was == now and (bool(now) or before["reason"] == after["reason"])
    calls = {"recorded": before["usage"]["calls"], "asked": after["usage"]["calls"]}
    if divergence:
        sentence = f"The replay differs from the run at call {divergence['call']}: {divergence['why']}."
    elif same and now:
        sentence = f"The same change: {count(after['change']['files'], 'file')}, after {count(calls['asked'], 'call')}."
    elif same:
        sentence = f"The same outcome, without a change: {after['state']} ({after['reason'] or 'no reason'})."
    elif was == now:
        sentence = f"Without a change, as before, but the replay is {after['state']}: {after['detail']}"
    else:
        sentence = "Each request was the same, but the change is another."
    return {
        "run": after, "replays": before["id"], "same": same, "divergence": divergence, "calls": calls,
        "sentence": sentence,
    }  # fmt: skip


def _divergence(api: Api, run_id: str) -> dict[str, Any] | None:
    """Where the replay first asked what the run had not, as the gateway noted it."""
    after = 0
    while True:
        page = api.get(f"/runs/{part(run_id)}/events", after=after)
        for event in page["items"]:
            if found := event["data"].get("divergence"):
                return dict(found)
        if not page["next"]:
            return None
        after = page["next"]
