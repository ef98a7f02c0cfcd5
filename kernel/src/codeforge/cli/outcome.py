"""How a run came out: the document for scripts, the sentences for people, and the exit code for both."""

from __future__ import annotations

from typing import Any

from codeforge.cli import lines, showing
from codeforge.cli.ending import INTERRUPTED
from codeforge.cli.views import figures
from codeforge.cli.words import clean, count, say

GOOD = frozenset({"review", "accepted"})
NEXT = {
    "diff": "see it again: codeforge runs diff {id}",
    "accept": "accept it: codeforge runs accept {id}",
    "send_back": 'go on from it with more words: codeforge runs send-back {id} "..."',
    "retry": "start again from scratch: codeforge runs retry {id}",
    "retry_work": "try again with the work so far: codeforge runs retry {id} --from work",
}


def document(run: dict[str, Any], diff: dict[str, Any], error: str = "") -> dict[str, Any]:
    """What ``--json`` prints. ``outcome`` is the run's state; ``error`` is null when the change is there and good."""
    fault = None
    if error or run["state"] not in GOOD:
        fault = {"reason": run["reason"], "detail": error or run["detail"] or _bare(run), "advice": run["advice"]}
    return {
        "run": run,
        "change": run["change"],
        "files": diff["files"],
        "diff": diff["diff"],
        "check": run["check"],
        "usage": run["usage"],
        "outcome": run["state"],
        "error": fault,
    }


def failed(error: str) -> dict[str, Any]:
    """The same document when there is no run at all."""
    nothing = dict.fromkeys(("run", "change", "diff", "check", "usage"))
    fault = {"reason": None, "detail": error, "advice": ""}
    return {**nothing, "files": [], "outcome": "error", "error": fault}


def exit_code(run: dict[str, Any], *, interrupted: bool) -> int:
    """0 for a change that is there and whose check passed; 130 when a person interrupted; else 1."""
    if interrupted:
        return INTERRUPTED
    return 0 if run["state"] in GOOD else 1


def tell(run: dict[str, Any], diff: dict[str, Any]) -> None:
    """The diff on stdout; how it came out and what can be done now on stderr."""
    showing.diff(diff["diff"])
    if check := run["check"]:
        text, style = lines.checked(check["command"], check["exit"], check["seconds"])
        say(text, colour=style)
    if change := run["change"]:
        said = f"{count(change['files'], 'file')} changed, {change['added']} lines added, {change['deleted']} deleted"
        say(f"{said} (commit {change['head'][:12]} on {change['base'][:12]}).", bold=True)
    if used := figures(run["usage"]):
        say(used)
    match run["state"]:
        case "review":
            say("The change waits for review.", colour="green")
        case "accepted":
            say(f"Accepted and delivered as {run['delivered']}.", colour="green")
        case "stopped":
            change = run["change"]
            kept = f"Its work is kept as commit {change['head']}" if change else "It had changed nothing yet"
            say(f"The run was stopped. {kept}.", colour="yellow")
        case _:
            say(clean(f"The run {_bare(run)} {run['detail'] or run['advice']}"), colour="red")
            if run["advice"] and run["advice"] not in run["detail"]:
                say(run["advice"], colour="red")
    can = [*run["verbs"], *(["diff"] if run["change"] else [])]
    if run["change"] and run["state"] in ("failed", "stopped"):
        can.append("retry_work")
    for verb, how in NEXT.items():
        if verb in can and run["state"] != "accepted":
            say("To " + how.format(id=run["id"]))


def _bare(run: dict[str, Any]) -> str:
    if run["reason"]:
        return f"failed ({run['reason'].replace('_', ' ')})."
    return f"is {run['state'].replace('_', ' ')}."
