"""How a scripted model makes OpenHands do things: by calls of its tools."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from codeforge.testing import Step
from codeforge.testing.contract import Dialect


class OpenHandsDialect(Dialect):
    """Ends well by the tool ``finish`` alone."""

    def change(self, files: Mapping[str, str | None], before: Mapping[str, str] | None = None) -> Sequence[Step]:
        calls: list[tuple[str, Mapping[str, object]]] = []
        for path, content in files.items():
            calls.append(("terminal", {"command": f"rm -f -- {shlex.quote(path)}"}))
            if content is not None:
                calls.append(("file_editor", {"command": "create", "path": path, "file_text": content}))
        return [Step(text="I will make the change.", tools=calls), *self.finish()]

    def shell(self, command: str) -> Sequence[Step]:
        return [Step(tools=[("terminal", {"command": command})]), *self.finish()]

    def finish(self) -> Sequence[Step]:
        """The answer that ends well."""
        return [Step(tools=[("finish", {"message": "It is done."})])]

    def malformed(self) -> Sequence[Step]:
        return [Step(tools=[("no_such_tool", {"x": 1})])]

    def on_and_on(self) -> Sequence[Step]:
        return [Step(tools=[("terminal", {"command": f"echo {n} >> on.txt"})]) for n in range(50)]
