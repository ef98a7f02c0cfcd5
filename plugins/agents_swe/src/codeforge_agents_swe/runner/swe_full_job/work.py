"""One job with SWE-agent, from its imports to its end."""

from __future__ import annotations

import os
from typing import Any

from codeforge_agent.job import Job
from codeforge_agent.report import Report
from swe_job.edits import Edits

from .ending import Ending
from .options import options

ENVIRONMENT = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION", "PYTHONDONTWRITEBYTECODE": "1"}
"""litellm fetches nothing and reads no .env that it finds above its own folder."""


def work(job: Job, report: Report) -> None:
    """Let SWE-agent work until it submits."""
    os.environ.update(ENVIRONMENT)
    os.environ["SWE_AGENT_LOG_STREAM_LEVEL"] = "ERROR"
    import litellm
    from sweagent import __version__
    from sweagent.run.common import BasicCLI
    from sweagent.run.run_single import RunSingle, RunSingleConfig

    from .completion import Completion
    from .hook import Telling

    report.text("log", f"SWE-agent {__version__} works with {job.model}")
    edits = Edits(job, report)
    ending = Ending(report, edits)
    completion: Any = Completion(job, report, ending)
    litellm.completion = completion  # its one way to a model
    telling = Telling(report, edits)
    run = RunSingle.from_config(BasicCLI(RunSingleConfig).get_config(options(job)))
    run.agent.add_hook(telling)
    run.run()
    ending.submitted(telling.status, completion.last)
