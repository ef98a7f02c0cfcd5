"""The last word of a job: said where it is known, since SWE-agent catches and tries again whatever is raised."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any, NoReturn

from codeforge_agent.report import Report
from swe_job.answer import Answer
from swe_job.edits import Edits


class Ending:
    """Takes over the job's alarm clock, too."""

    def __init__(self, report: Report, edits: Edits) -> None:
        self._report, self._edits = report, edits
        signal.signal(signal.SIGALRM, lambda *_: self.say("time"))

    def say(self, how: str, words: str = "", status: int | None = None) -> NoReturn:
        """Say it and be gone; what the agent has left running goes with this process."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        self._report.end(how, words, status)
        sys.stderr.flush()
        os._exit(0)

    def submitted(self, status: str, answer: Answer) -> NoReturn:
        """By SWE-agent's exit status: what it submits for the agent after an error is no success."""
        self.say(*self._end(status, answer))

    def _end(self, status: str, answer: Answer) -> tuple[Any, ...]:
        if status == "submitted":
            return ("done",)
        if "exit_format" not in status:
            return "error", f"it ended as {status or 'nothing'}"
        if answer.cut:
            return ("cut",)
        if answer.plain and not self._edits.any:
            return ("done",)
        return "unusable", "none of the last calls the tools that it has"
