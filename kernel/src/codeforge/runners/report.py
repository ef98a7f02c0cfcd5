"""From the runner's reports to CodeForge's events, and from how it ended to a reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from codeforge import events
from codeforge.agents import AgentJob
from codeforge.events import AgentEvent
from codeforge.llm import Model
from codeforge.model import Reason


class Translator:
    """Reads the lines of one job of the agent that people call ``title``. What it gives never contains the key."""

    def __init__(self, job: AgentJob, title: str) -> None:
        self._job, self._title = job, title
        self._end: dict[str, Any] = {}
        self._last = ""

    def event(self, stream: str, line: str) -> AgentEvent | None:
        """The event for one line; None for lines that only tell the end."""
        line = line.replace(self._job.key, "[key]") if self._job.key else line
        report = _report(line) if stream == "stdout" else None
        if report is None:
            self._last = line.strip() or self._last
            return events.log(line, stream) if line.strip() else None
        kind = report.pop("kind")
        if kind == "end":
            self._end = report
            return None
        return _usage(self._job.model, **report) if kind == "usage" else _SHAPES[kind](*report.values())

    def ended(self, code: int) -> AgentEvent:
        """The agent's last word, after its process has ended with exit ``code``."""
        if not self._end:
            detail = f"{self._title} broke off with exit code {code}: {self._last or 'no word'}"
            return events.ended(Reason.AGENT_ERROR, detail)
        how, words, status = self._end["how"], self._end["words"], self._end["status"]
        if how == "done":
            return events.ended()
        if how == "model":
            return events.ended(*_failed_call(words, status))
        limits, first = self._job.limits, words.strip().partition("\n")[0]
        reason, sentence = _ENDS[how]
        return events.ended(
            reason, sentence.format(title=self._title, steps=limits.steps, seconds=limits.seconds, words=first)
        )


_SHAPES: dict[str, Callable[..., AgentEvent]] = {
    "said": events.said,
    "thought": events.thought,
    "log": events.log,
    "edited": events.edited,
    "ran": events.ran,
}
_ENDS = {
    "cut": (Reason.BAD_OUTPUT, "The model's answer was cut off at its output limit and could not be used."),
    "malformed": (Reason.BAD_OUTPUT, "The model's edits could not be applied: {words}"),
    "unusable": (Reason.BAD_OUTPUT, "The model's answers could not be used: {words}"),
    "stuck": (Reason.AGENT_STUCK, "The agent went round in circles: {words}"),
    "steps": (Reason.STEP_LIMIT, "The agent used all of its {steps} model calls."),
    "time": (Reason.TIME_LIMIT, "The agent used all of its {seconds} seconds."),
    "error": (Reason.AGENT_ERROR, "{title} failed: {words}"),
}
_STATUSES = {
    401: (Reason.MODEL_AUTH, "The provider refused the key"),
    402: (Reason.BUDGET, "The budget does not allow another model call"),
    403: (Reason.MODEL_AUTH, "The provider refused the key"),
    408: (Reason.MODEL_UNREACHABLE, "The model did not answer in time"),
    425: (Reason.MODEL_UNREACHABLE, "The model is not ready"),
    429: (Reason.QUOTA, "The provider's limit is reached"),
}


def _failed_call(words: str, status: int | None) -> tuple[Reason, str]:
    """Why a model call came to nothing, by the HTTP status of the last try (None: there was no answer)."""
    if status is None:
        return Reason.MODEL_UNREACHABLE, f"The model did not answer: {words}"
    server = (Reason.MODEL_UNREACHABLE, "The model's provider failed")
    other = server if status >= 500 else (Reason.MODEL_REFUSED, "The provider refused the request")
    reason, sentence = _STATUSES.get(status, other)
    return reason, f"{sentence} ({status}): {words}"


def _report(line: str) -> dict[str, Any] | None:
    try:
        report = json.loads(line)
    except ValueError:
        return None
    return report if isinstance(report, dict) and "kind" in report else None


def _usage(model: Model, *, prompt_tokens: int, completion_tokens: int, cached: int) -> AgentEvent:
    cost = None
    if model.input_price is not None and model.output_price is not None:
        cost = round((prompt_tokens * model.input_price + completion_tokens * model.output_price) / 1_000_000)
    return events.usage(prompt_tokens, completion_tokens, cached, cost)
