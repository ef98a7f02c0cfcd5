"""Works on one job, in the agent's own Python: ``python -I agent_side RUNNER PACKAGE``, the job as JSON on stdin.

RUNNER is the folder of the back end's ``PACKAGE``, whose ``work(job, report)`` drives the agent. Standard library
only, for every Python from 3.10 on: this folder is the one part of CodeForge that runs beside an agent. With
``CONTROL SHIM IDLE`` behind them it is the warm parent of many jobs: it imports ``PACKAGE.warm`` and forks.
"""

import importlib
import sys

from codeforge_agent.main import main

sys.path.insert(1, sys.argv[1])
package = sys.argv[2]


def work() -> None:
    main(lambda job, report: importlib.import_module(f"{package}.work").work(job, report))


if sys.argv[3:]:
    from codeforge_agent.parent import die_with_the_worker, serve

    die_with_the_worker()
    importlib.import_module(f"{package}.warm")
    serve(int(sys.argv[3]), sys.argv[4], float(sys.argv[5]), work)
else:
    work()
