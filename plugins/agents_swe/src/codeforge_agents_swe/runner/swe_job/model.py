"""mini-swe-agent's idea of a model: its calls go through the gateway, its answers become commands."""

from __future__ import annotations

from typing import Any

from codeforge_agent.gateway import Gateway
from codeforge_agent.job import Job
from codeforge_agent.main import StepLimit
from codeforge_agent.report import Report
from jinja2 import StrictUndefined, Template
from minisweagent.exceptions import FormatError
from minisweagent.models.utils import actions_toolcall as tools

from .answer import Answer
from .asking import ask
from .conversation import said


class GatewayModel:
    """``last`` is the last whole answer; ``fault`` says what was wrong with the last that could not be used."""

    def __init__(self, job: Job, report: Report, templates: dict[str, Any]) -> None:
        self._job, self._report, self._templates = job, report, templates
        self._gateway, self._steps = Gateway(job, report), 0
        self.last, self.fault = Answer(), ""

    def query(self, messages: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
        """The model's next message. Raises `FormatError` for one without a command, `StepLimit` or `CallFailed`."""
        if self._steps >= self._job.steps:
            raise StepLimit
        self._steps += 1
        self.last = ask(self._gateway, self._report, self._job.model, said(messages), tools=[tools.BASH_TOOL])
        return {**self.last.message, "extra": {"actions": self._actions(self.last)}}

    def _actions(self, answer: Answer) -> list[dict[str, Any]]:
        calls = [] if answer.cut else answer.calls
        try:
            actions: list[dict[str, Any]] = tools.parse_toolcall_actions(calls, format_error_template="{{ error }}")
            for action in actions:
                _check(action["command"])
        except FormatError as error:
            self.fault = error.messages[0]["content"]
            self._report.text("log", f"The answer is sent back: {self.fault}")
            known = {"error": self.fault, "actions": [], "has_tool_calls": bool(calls), "finish_reason": answer.finish}
            words = Template(self._templates["format_error_template"], undefined=StrictUndefined).render(**known)
            note = {"role": "user", "content": words, "extra": {"interrupt_type": "FormatError"}}
            raise FormatError(note) from None
        return actions

    def format_message(self, **message: Any) -> dict[str, Any]:
        return message

    def format_observation_messages(
        self, message: dict[str, Any], outputs: list[dict[str, Any]], template_vars: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """The results of commands, as mini-swe-agent words them."""
        found: list[dict[str, Any]] = tools.format_toolcall_observation_messages(
            actions=message["extra"]["actions"],
            outputs=outputs,
            observation_template=self._templates["observation_template"],
            template_vars=template_vars,
        )
        return [{name: value for name, value in one.items() if name != "extra"} for one in found]

    def get_template_vars(self, **known: Any) -> dict[str, Any]:
        return known

    def serialize(self) -> dict[str, Any]:
        return {}


def _check(command: object) -> None:
    if not isinstance(command, str):
        raise FormatError({"content": "The 'command' of a bash tool call must be a string."})
