"""Aider's other end: answers its questions, keeps its files inside the workspace, tells what it shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aider.io import InputOutput
from codeforge_agent.report import Report

DENIED = ("Add URL", "Open URL", "Run shell")
MUTED = ("Use --", "https://aider.chat/")
"""Advice for people at Aider's own command line."""


class Screen(InputOutput):  # type: ignore[misc]
    """Says yes to edits inside the workspace, no to commands, URLs and everything outside; shows nothing."""

    def __init__(self, workspace: Path, report: Report) -> None:
        self._root, self._report = workspace.resolve(), report
        super().__init__(pretty=False, yes=True, fancy_input=False, encoding="utf-8")

    def inside(self, path: str) -> Path | None:
        """``path`` as it is on disk, or None when that is outside the workspace or in a .git."""
        found = (self._root / path).resolve()
        if not found.is_relative_to(self._root) or found == self._root:
            return None
        return None if ".git" in found.relative_to(self._root).parts else found

    def refuse(self, path: str) -> None:
        self._report.text("log", f"refused: {path} is outside the workspace")

    def confirm_ask(
        self, question: str, default: str = "y", subject: Any = None, explicit_yes_required: bool = False, **_: Any
    ) -> bool:
        if explicit_yes_required or question.startswith(DENIED):
            return False
        if question.startswith(("Create new file", "Allow edits to file", "Add file")) and not self.inside(
            str(subject)
        ):
            self.refuse(str(subject))
            return False
        return True

    def read_text(self, filename: str, silent: bool = False) -> Any:
        if self.inside(filename):
            return super().read_text(filename, silent)
        self.refuse(filename)
        return None

    def write_text(self, filename: str, content: str, *_: Any) -> None:
        """Write, with the line ends that the file has: Aider itself would turn them all into its own."""
        path = self.inside(filename)
        if not path:
            self.refuse(filename)
            raise ValueError(f"{filename} is outside the workspace and cannot be edited.")
        before = path.read_bytes() if path.exists() else b""
        newline = "\r\n" if b"\r\n" in before else "\n"
        path.write_text(content, encoding=self.encoding, newline=newline)
        self._report.tell("edited", path=str(path.relative_to(self._root)))

    def tool_output(self, *messages: Any, log_only: bool = False, bold: bool = False) -> None:
        self._log(" ".join(map(str, messages)))

    def tool_error(self, message: Any = "", strip: bool = True) -> None:
        self._log(message)

    def tool_warning(self, message: Any = "", strip: bool = True) -> None:
        self._log(message)

    def _log(self, message: Any) -> None:
        for line in str(message).replace(f"{self._root}/", "").splitlines():
            if line.strip() and not line.startswith(MUTED):
                self._report.text("log", line)

    def get_input(self, *_: Any, **__: Any) -> str:
        raise EOFError

    def prompt_ask(self, question: str, default: str = "", subject: Any = None) -> str:
        return default

    def offer_url(self, *_: Any, **__: Any) -> bool:
        return False

    def ring_bell(self) -> None:
        pass
