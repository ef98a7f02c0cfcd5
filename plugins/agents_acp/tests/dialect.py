"""How a scripted model makes opencode do things, with the tools that opencode offers it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from codeforge.testing import Step

DONE = Step(text="All is done.")


def change(files: Mapping[str, str | None]) -> list[Step]:
    """Write each file with that content, or delete it where that is None; then end well."""
    return [*(_write(path, text) if text is not None else _delete(path) for path, text in files.items()), DONE]


def shell(command: str) -> list[Step]:
    """Run a command; then end well."""
    return [_run(command), DONE]


def finish() -> list[Step]:
    """End well, at once."""
    return [DONE]


def malformed() -> list[Step]:
    """Answers that opencode can do nothing with, the last for ever: a body that is no JSON."""
    return [Step(raw="data: {no JSON\n\n")]


def _write(path: str, text: str) -> Step:
    return Step(text=f"I write {path}.", tools=[("write", {"filePath": path, "content": text})])


def _delete(path: str) -> Step:
    return _run(f"rm -- {shlex.quote(path)}")


def _run(command: str) -> Step:
    return Step(tools=[("bash", {"command": command, "description": "Runs a command"})])
