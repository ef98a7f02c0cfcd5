"""Works on one job with Aider: run by Aider's own Python as ``python -I runner``, the job as JSON on stdin."""

from aider_job.main import main

main()
