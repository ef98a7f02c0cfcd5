"""One turn of conversation: the prompt, the model's replies, the edits, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from codeforge_agent.gateway import Gateway
from codeforge_agent.job import Job
from codeforge_agent.report import Report

from .coder import keep_conversation


def take_turn(job: Job, coder: Any, report: Report) -> None:
    """What Aider's own ``run_one`` does, without its commands: a prompt that begins with "/" or "!" is a prompt."""
    broken: list[str] = []
    coder.get_edits, coder.apply_edits = _noted(coder.get_edits, broken), _noted(coder.apply_edits, broken)
    coder.init_before_message()
    coder.check_for_file_mentions(job.prompt)
    message: str | None = job.prompt
    malformed = 0
    while message:
        malformed, coder.reflected_message = coder.num_malformed_responses, None
        for fragment in coder.send_message(message):
            report.stream("said", fragment)
        keep_conversation(job, coder)
        message = None
        if coder.reflected_message and coder.num_reflections < coder.max_reflections:
            coder.num_reflections += 1
            message = coder.reflected_message
        if coder.num_exhausted_context_windows or coder.main_model.gateway.open:
            break
    _tell_end(coder, report, coder.num_malformed_responses > malformed, broken)


def _tell_end(coder: Any, report: Report, malformed: bool, broken: list[str]) -> None:
    gateway: Gateway = coder.main_model.gateway
    if failure := gateway.failure:
        report.end("model", str(failure), failure.status)
    elif gateway.open:
        report.end("error", "the model's answer could not be read, see the log")
    elif coder.num_exhausted_context_windows:
        report.end("cut")
    elif malformed or broken:
        report.end("malformed", (broken or [str(coder.reflected_message or "")])[0])
    else:
        report.end("done")


def _noted(step: Callable[..., Any], broken: list[str]) -> Callable[..., Any]:
    """Aider takes most errors of applying edits for trouble with git and goes on: note them."""

    def noted(*args: Any, **options: Any) -> Any:
        try:
            return step(*args, **options)
        except Exception as error:
            if type(error) is not ValueError:  # that is a malformed edit, which Aider tells the model about
                broken.append(f"{type(error).__name__}: {error}")
            raise

    return noted
