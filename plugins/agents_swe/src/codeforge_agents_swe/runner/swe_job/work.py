"""One job with mini-swe-agent, from its imports to its end."""

from __future__ import annotations

import os
import tempfile

from codeforge_agent.job import Job
from codeforge_agent.report import Report


def work(job: Job, report: Report) -> None:
    """Let the agent take its turn."""
    version = _bring_in()
    from .turn import take_turn

    report.text("log", f"mini-swe-agent {version} works with {job.model}")
    take_turn(job, report)


def _bring_in() -> str:
    """Import mini-swe-agent; gives its version. It reads settings from a folder, which is empty and gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"MSWEA_GLOBAL_CONFIG_DIR": folder, "MSWEA_SILENT_STARTUP": "1"}
        os.environ.update(settings)
        import minisweagent
    for name in settings:
        del os.environ[name]
    return str(minisweagent.__version__)
