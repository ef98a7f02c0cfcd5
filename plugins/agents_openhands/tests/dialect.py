"""How a scripted model makes OpenHands do things."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from codeforge.testing import Step


def change(files: Mapping[str, str | None]) -> list[Step]:
    """Write each file with that content, remove it for None, then finish."""
    calls: list[tuple[str, Mapping[str, object]]] = []
    for path, content in files.items():
        calls.append(("terminal", {"command": f"rm -f -- {shlex.quote(path)}"}))
        if content is not None:
            calls.append(("file_editor", {"command": "create", "path": path, "file_text": content}))
    return [Step(text="I will make the change.", tools=calls), *finish()]


def shell(command: str) -> list[Step]:
    """Run the command, then finish."""
    return [Step(tools=[("terminal", {"command": command})]), *finish()]


def finish() -> list[Step]:
    return [Step(tools=[("finish", {"message": "It is done."})])]


def malformed() -> list[Step]:
    """Calls of a tool that it does not have."""
    return [Step(tools=[("no_such_tool", {"x": 1})])]
