"""The model's side: one call after the other through the gateway, each of them a step."""

from __future__ import annotations

import re
import time
from typing import Any

from codeforge_agent.gateway import Again, CallFailed, Final, Gateway
from codeforge_agent.job import Job
from codeforge_agent.main import StepLimit
from codeforge_agent.report import Report

from .answer import Answer

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 8.0
"""Seconds between two tries of a call; they double."""
_TOO_LONG = re.compile(
    r"context.{0,20}(length|window|limit)|too (long|many tokens)|maximum.{0,20}tokens", re.IGNORECASE
)


class Failed(BaseException):
    """A call came to nothing for good. Not an Exception: neither OpenHands nor its summaries must carry on."""

    def __init__(self, failure: CallFailed) -> None:
        super().__init__(str(failure))
        self.failure = failure


class TooLong(Exception):
    """The conversation does not fit into the model's window: a summary may help."""


class Calls:
    """Counts the ``job``'s calls and asks a model again that fails. ``cut``: the last answer was."""

    def __init__(self, job: Job, report: Report) -> None:
        self._job, self._report, self._gateway = job, report, Gateway(job, report)
        self._steps = 0
        self._shortened = False
        self.cut = False

    def __deepcopy__(self, _: dict[int, Any]) -> Calls:
        return self

    def ask(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None) -> Answer:
        """One answer. Raises `Failed`, `StepLimit`, and `TooLong` once in a row for calls with ``tools``."""
        if self._steps >= self._job.steps:
            raise StepLimit
        self._steps += 1
        pause = FIRST_PAUSE
        while True:
            try:
                answer = self._try(messages, tools)
            except Again as failure:
                self._report.text("log", f"{failure}: asking again")
                time.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            except Final as failure:
                if tools and not self._shortened and failure.status in (400, 413) and _TOO_LONG.search(str(failure)):
                    self._shortened = True
                    raise TooLong(str(failure)) from None
                raise Failed(failure) from None
            else:
                self._shortened = self._shortened and not tools
                self.cut = answer.cut
                return answer

    def _try(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None) -> Answer:
        answer, gateway = Answer(), self._gateway
        for delta in gateway.chat(self._job.model, messages, **({"tools": tools} if tools else {})):
            answer.add(delta)
            if tools and isinstance(said := delta.get("content"), str):
                self._report.stream("said", said)
        answer.close(gateway.finish, gateway.usage)
        return answer
