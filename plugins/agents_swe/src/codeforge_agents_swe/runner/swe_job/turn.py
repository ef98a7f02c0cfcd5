"""One turn: the agent set up on the workspace, its work, and how that ended."""

from __future__ import annotations

from typing import Any

import yaml
from codeforge_agent.job import Job
from codeforge_agent.report import Report
from minisweagent.config import builtin_config_dir

from .agent import Agent
from .circles import Stuck
from .edits import Edits
from .model import GatewayModel
from .shell import Shell


def take_turn(job: Job, report: Report) -> None:
    """Let the agent work until it submits. A model that fails raises `CallFailed`, used up steps `StepLimit`."""
    # by its own path: mini-swe-agent would take a file of this name in the workspace first
    config = yaml.safe_load((builtin_config_dir / "mini.yaml").read_text(encoding="utf-8"))
    edits, model = Edits(job, report), GatewayModel(job, report, config["model"])
    shell = Shell(job, report, edits, config["environment"]["env"])
    agent = Agent(job, model, shell, config["agent"])
    try:
        submitted = agent.run(job.prompt)["exit_status"] == "Submitted"
    except Stuck as stuck:
        report.end("stuck", str(stuck))
        return
    report.end(*(("done",) if submitted else _unusable(model, edits)))


def _unusable(model: GatewayModel, edits: Edits) -> tuple[Any, ...]:
    """The end of a turn whose model gave no usable answer any more."""
    answer = model.last
    if answer.cut:
        return ("cut",)
    if answer.plain and not edits.any:  # it had something to say and nothing to do
        return ("done",)
    return "unusable", model.fault
