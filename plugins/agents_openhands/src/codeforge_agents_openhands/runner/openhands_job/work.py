"""One job with OpenHands, from its imports to its end."""

from __future__ import annotations

from codeforge_agent.job import Job
from codeforge_agent.report import Report

from .quiet import move_home, quiet


def work(job: Job, report: Report) -> None:
    """Let OpenHands take its turn."""
    quiet()
    from .calls import Calls, Failed
    from .conversation import open_conversation
    from .screen import Screen
    from .turn import Turn

    move_home()
    calls, screen = Calls(job, report), Screen(job.workspace, report)
    try:
        turn = Turn(job, open_conversation(job, calls, screen, report), calls, screen)
        report.text("log", f"OpenHands works with {job.model}")
        turn.take(job.prompt)
        turn.tell_end(report)
    except Failed as error:
        report.end("model", str(error.failure), error.failure.status)
