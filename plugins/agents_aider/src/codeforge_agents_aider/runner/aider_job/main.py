"""From the job on standard input to the last line of the report, whatever happens between."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from typing import Any

from .job import Job, read_job
from .litellm_double import take_the_place
from .report import Report


class TimeUp(BaseException):
    """The job's seconds are over. Not an Exception: Aider must not carry on."""


def main() -> None:
    report = Report()
    try:
        _work(read_job(), report)
    except TimeUp:
        signal.setitimer(signal.ITIMER_REAL, 0)
        report.end("time")
    except BaseException as error:
        if type(error).__name__ == "StepLimit":
            report.end("steps")
        else:
            traceback.print_exc()
            report.end("error", f"{type(error).__name__}: {error}")
    sys.stderr.flush()
    os._exit(0)  # Aider's threads may still be summarising


def _work(job: Job, report: Report) -> None:
    signal.signal(signal.SIGALRM, _time_is_up)
    signal.setitimer(signal.ITIMER_REAL, job.seconds, 5.0)  # again, in case somebody swallows the first
    os.chdir(job.workspace)
    take_the_place()
    from pathlib import Path

    from .coder import make_coder
    from .model import GatewayModel
    from .screen import Screen
    from .turn import work

    coder = make_coder(job, GatewayModel(job, report), Screen(Path(job.workspace), report))
    report.text("log", f"Aider works with {job.model}, edits as {coder.edit_format}")
    work(job, coder, report)


def _time_is_up(*_: Any) -> None:
    raise TimeUp
