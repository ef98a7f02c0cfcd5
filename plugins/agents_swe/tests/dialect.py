"""How a scripted model makes mini-swe-agent do things."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import PurePath

from codeforge.testing import Step

SUBMIT = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"


def command(text: str, says: str = "Let me see.") -> Step:
    """An answer that runs one command."""
    return Step(text=says, tools=[("bash", {"command": text})])


def change(files: Mapping[str, str | None]) -> list[Step]:
    """Write each file with that content, delete it for None, then finish well."""
    lines = [_write(name, content) for name, content in files.items()]
    return [command("\n".join(["set -e", *lines]), "I write the files."), *finish()]


def _write(name: str, content: str | None) -> str:
    path, folder = shlex.quote(name), shlex.quote(str(PurePath(name).parent))
    return f"rm -f {path}" if content is None else f"mkdir -p {folder} && printf %s {shlex.quote(content)} > {path}"


def shell(text: str) -> list[Step] | None:
    """Run a command, then finish."""
    return [command(text), *finish()]


def finish() -> list[Step]:
    return [command(SUBMIT, "It is done.")]


def malformed() -> list[Step]:
    """Answers that the agent cannot use."""
    return [Step(text="I edit the file.", tools=[("edit", {"path": "hello.py"})])]
