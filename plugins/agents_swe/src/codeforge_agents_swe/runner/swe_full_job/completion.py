"""Stands in for litellm's completion: SWE-agent's calls go through the gateway, streamed and counted."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

from codeforge_agent.gateway import CallFailed, Gateway
from codeforge_agent.job import Job
from codeforge_agent.report import Report
from swe_job.answer import Answer
from swe_job.asking import ask

from .ending import Ending


class _Call(SimpleNamespace):
    def to_dict(self) -> dict[str, Any]:
        return copy.deepcopy(self.__dict__)


class Completion:
    """``last`` is the last whole answer. What ends a run ends it here: SWE-agent would try again whatever is raised."""

    def __init__(self, job: Job, report: Report, ending: Ending) -> None:
        self._job, self._report, self._ending = job, report, ending
        self._gateway, self._steps = Gateway(job, report), 0
        self.last = Answer()

    def __call__(self, *, messages: list[dict[str, Any]], tools: Any = None, **_: Any) -> SimpleNamespace:
        if self._steps >= self._job.steps:
            self._ending.say("steps")
        self._steps += 1
        try:
            self.last = answer = ask(self._gateway, self._report, self._job.model, messages, tools=tools)
        except CallFailed as failure:
            self._ending.say("model", str(failure), failure.status)
        calls = [] if answer.cut else [_Call(**call) for call in answer.message["tool_calls"]]
        message = SimpleNamespace(role="assistant", content=answer.text, tool_calls=calls or None)
        return SimpleNamespace(choices=[SimpleNamespace(message=message, finish_reason=answer.finish)])
