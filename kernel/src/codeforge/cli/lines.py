"""Events of a run as lines for a terminal, each with a rich style."""

from __future__ import annotations

from typing import Any

from codeforge.cli.words import clean

Line = tuple[str, str]

STYLES = {"said": "", "thought": "dim italic", "log": "dim", "progress": "dim", "check": "dim", "stuck": "yellow"}
"""Kinds whose text is shown as it is."""


def of(event: dict[str, Any]) -> list[Line]:
    """The event as (text, style); nothing for what only the figures or the end show."""
    kind, data = event["kind"], event["data"]
    if kind in STYLES:
        text = data.get("why") if kind == "stuck" else data.get("text")
        return [(line, STYLES[kind]) for line in clean(str(text)).splitlines() or [""]]
    line = _line(kind, data)
    return [(clean(line[0]).replace("\n", " "), line[1])] if line else []


def _line(kind: str, data: dict[str, Any]) -> Line | None:  # noqa: PLR0911 - a table of kinds
    match kind:
        case "state":
            detail = f": {data['detail']}" if data.get("detail") else ""
            return f"[{str(data['state']).replace('_', ' ')}]{detail}", "bold"
        case "ran":
            ended = "was cut off" if data["exit"] is None else f"exit {data['exit']}"
            return f"$ {data['command']} ({ended})", "cyan"
        case "edited":
            return f"edited {data['path']}", "cyan"
        case "asked":
            return f"asks: {data['question']}{_answer(data)}", "yellow"
        case "answered":
            return (f"{data['by']} answers: {data['name']}", "magenta") if data["by"] else None
        case "message":
            return f"{data['by']}: {data['text']}", "magenta"
        case "checked":
            return checked(data["command"], data["exit"], data["seconds"])
        case "review":
            said = f": {data['comment']}" if data.get("comment") else ""
            return f"{data['by']} says {str(data['verdict']).replace('_', ' ')}{said}", "magenta"
        case "delivered":
            return f"delivered to {data['branch']} as {data['commit']}", "green"
    return None


def _answer(data: dict[str, Any]) -> str:
    """What a setting has answered at once."""
    names = {choice["id"]: choice["name"] for choice in data.get("choices", ())}
    return f" ({data['by']}: {names.get(data.get('answer'), 'no')})" if data.get("by") else ""


def checked(command: str, exit: int | None, seconds: float) -> Line:
    """How a check ended."""
    if exit == 0:
        return f"The check passed in {seconds:.1f} s: {clean(command)}", "green"
    how = "ran out of time" if exit is None else f"failed with exit code {exit}"
    return f"The check {how} after {seconds:.1f} s: {clean(command)}", "red"
