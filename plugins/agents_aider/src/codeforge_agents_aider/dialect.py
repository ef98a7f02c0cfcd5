"""How a scripted model makes Aider do things: it edits by search and replace, and runs no commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from codeforge.testing import Step, search_replace
from codeforge.testing.contract import Dialect


class AiderDialect(Dialect):
    """A file is replaced whole."""

    def change(self, files: Mapping[str, str | None], before: Mapping[str, str]) -> Sequence[Step] | None:
        if None in files.values():
            return None
        edits = [search_replace(name, before.get(name, ""), text or "") for name, text in files.items()]
        return [Step(text="I will do that.\n\n" + "".join(edits))]

    def malformed(self) -> Sequence[Step]:
        return [Step(text=search_replace("hello.py", "def nothing():\n", "def x():\n"))]

    def on_and_on(self) -> Sequence[Step] | None:
        return self.malformed()
