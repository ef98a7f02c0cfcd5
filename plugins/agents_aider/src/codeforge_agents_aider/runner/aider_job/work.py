"""One job with Aider, from its imports to its end."""

from __future__ import annotations

from pathlib import Path

from codeforge_agent.job import Job
from codeforge_agent.report import Report

from .litellm_double import take_the_place


def work(job: Job, report: Report) -> None:
    """Let Aider take its turn."""
    take_the_place()
    from .coder import make_coder
    from .model import GatewayModel
    from .screen import Screen
    from .turn import take_turn

    coder = make_coder(job, GatewayModel(job, report), Screen(Path(job.workspace), report))
    report.text("log", f"Aider works with {job.model}, edits as {coder.edit_format}")
    take_turn(job, coder, report)
