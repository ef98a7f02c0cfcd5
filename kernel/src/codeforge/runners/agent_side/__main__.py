"""Works on one job, in the agent's own Python: ``python -I agent_side RUNNER PACKAGE``, the job as JSON on stdin.

RUNNER is the folder of the back end's ``PACKAGE``, whose ``work(job, report)`` drives the agent. Standard library
only, for every Python from 3.10 on: this folder is the one part of CodeForge that runs beside an agent.
"""

import importlib
import sys

from codeforge_agent.main import main

sys.path.insert(1, sys.argv[1])
main(lambda job, report: importlib.import_module(f"{sys.argv[2]}.work").work(job, report))
