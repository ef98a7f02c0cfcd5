"""What SWE-agent does, told by its own hooks."""

from __future__ import annotations

from typing import Any

from codeforge_agent.report import PIECE, Report
from swe_job.edits import Edits
from swe_job.screen import Screen
from sweagent.agent.hooks.abstract import AbstractAgentHook


class Telling(AbstractAgentHook):  # type: ignore[misc]
    """``status`` is SWE-agent's exit status, once it has one."""

    def __init__(self, report: Report, edits: Edits) -> None:
        self._report, self._edits, self.status = report, edits, ""

    def on_action_started(self, *, step: Any) -> None:
        self._report.text("log", f"$ {step.action.strip()}"[:PIECE])

    def on_action_executed(self, *, step: Any) -> None:
        """SWE-agent does not say with which exit code a command ended, so what is told is what it printed."""
        screen = Screen(self._report)
        screen.hear((step.observation or "").encode("utf-8", errors="replace"))
        screen.end()
        self._edits.tell()

    def on_run_done(self, *, trajectory: Any, info: Any) -> None:
        self.status = str(info.get("exit_status") or "")
