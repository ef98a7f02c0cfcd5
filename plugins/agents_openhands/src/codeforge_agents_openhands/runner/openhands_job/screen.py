"""OpenHands' other end: tells what happens in the conversation, and remembers how it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from codeforge_agent.report import PIECE, Report
from openhands.sdk.event import ActionEvent, AgentErrorEvent, Condensation, MessageEvent, ObservationEvent

TOLD = 20
"""Lines of a command's output that are told, of its end."""
WRITES = {"create", "str_replace", "insert", "undo_edit"}


class Screen:
    """A callback for the conversation's events; what the model says and thinks is told while it streams.

    ``finished`` turns true when the agent said so by its tool; ``actions`` counts what it did; ``trouble`` is why its
    last answer could not be used, "" when it could.
    """

    def __init__(self, workspace: str, report: Report) -> None:
        self._root, self._report = Path(workspace).resolve(), report
        self.finished, self.actions, self.trouble = False, 0, ""

    def __call__(self, event: Any) -> None:
        if isinstance(event, ActionEvent):
            self._action(event)
        elif isinstance(event, ObservationEvent):
            self.actions, self.trouble = self.actions + 1, ""
            self._observation(event.observation)
        elif isinstance(event, AgentErrorEvent):
            self.trouble = event.error
            self._report.text("log", event.error)
        elif isinstance(event, MessageEvent) and event.source == "environment":
            self.trouble = self.trouble or "an answer that neither says nor does anything"
        elif isinstance(event, Condensation):
            self._report.text("log", "The conversation grew long: its older part is now a summary.")

    def _action(self, event: Any) -> None:
        if event.tool_name == "finish" and event.action is not None:
            self.finished = True
            self._report.text("said", event.action.message)
        elif event.tool_name == "think" and event.action is not None:
            self._report.text("thought", event.action.thought)
        elif event.tool_name == "terminal" and event.action is not None:
            self._report.text("log", f"$ {event.action.command[:PIECE]}")

    def _observation(self, seen: Any) -> None:
        kind = type(seen).__name__
        if kind == "CommandObservation":
            for line in seen.text.splitlines()[-TOLD:]:
                self._report.text("log", line[:PIECE])
            self._report.tell("ran", command=seen.command[:PIECE], exit=seen.exit_code)
        elif kind == "FileEditorObservation" and seen.is_error:
            self._report.text("log", seen.text[:PIECE])
        elif kind == "FileEditorObservation" and seen.command in WRITES and seen.path:
            self._edited(Path(seen.path).resolve())
        elif kind == "TaskTrackerObservation":
            for task in seen.task_list:
                self._report.text("log", f"[{task.status}] {task.title}"[:PIECE])

    def _edited(self, path: Path) -> None:
        if path.is_relative_to(self._root):
            self._report.tell("edited", path=str(path.relative_to(self._root)))
        else:
            self._report.text("log", f"edited {path}, outside the workspace")
