"""How a scripted model makes mini-swe-agent do things: all of it by commands."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from codeforge.testing import Step
from codeforge.testing.contract import Dialect

SUBMIT = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"


class MiniDialect(Dialect):
    """Ends well by the sentinel alone."""

    def change(self, files: Mapping[str, str | None], before: Mapping[str, str] | None = None) -> Sequence[Step]:
        lines = [_write(name, content) for name, content in files.items()]
        return [bash("\n".join(["set -e", *lines]), "I write the files."), finish()]

    def shell(self, command: str) -> Sequence[Step]:
        return [bash(command), finish()]

    def malformed(self) -> Sequence[Step]:
        return [Step(text="I edit the file.", tools=[("edit", {"path": "hello.py"})])]

    def on_and_on(self) -> Sequence[Step]:
        return [bash(f"echo {n} >> on.txt") for n in range(50)]


def bash(text: str, says: str = "Let me see.") -> Step:
    """An answer that runs one command."""
    return Step(text=says, tools=[("bash", {"command": text})])


def finish() -> Step:
    """The answer that ends well."""
    return bash(SUBMIT, "It is done.")


def _write(name: str, content: str | None) -> str:
    path, folder = shlex.quote(name), shlex.quote(str(PurePath(name).parent))
    return f"rm -f {path}" if content is None else f"mkdir -p {folder} && printf %s {shlex.quote(content)} > {path}"
