"""From the job on standard input to the last line of the report, whatever happens between."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

from .gateway import CallFailed
from .job import Job, read_job
from .report import Report


class TimeUp(BaseException):
    """The job's seconds are over. Not an Exception: the agent must not carry on."""


class StepLimit(BaseException):
    """The model would be called once more than allowed. Not an Exception: the agent must not carry on."""


def main(work: Callable[[Job, Report], None]) -> None:
    report = Report()
    try:
        job = read_job()
        signal.signal(signal.SIGALRM, _time_is_up)
        signal.setitimer(signal.ITIMER_REAL, job.seconds, 5.0)  # again, in case somebody swallows the first
        os.chdir(job.workspace)
        work(job, report)
    except TimeUp:
        signal.setitimer(signal.ITIMER_REAL, 0)
        report.end("time")
    except StepLimit:
        report.end("steps")
    except CallFailed as failure:
        report.end("model", str(failure), failure.status)
    except BaseException as error:
        traceback.print_exc()
        report.end("error", f"{type(error).__name__}: {error}")
    sys.stderr.flush()
    os._exit(0)  # the agent's threads may still be at something


def _time_is_up(*_: Any) -> None:
    raise TimeUp
