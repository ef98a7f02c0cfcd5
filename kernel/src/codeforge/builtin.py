"""The defaults of the decision hooks, through the same door as everybody's."""

from __future__ import annotations

from codeforge.hooks import hookimpl
from codeforge.model import Project, Task
from codeforge.scm import Scm


@hookimpl(trylast=True)
def choose_scm(url: str, scms: dict[str, Scm]) -> str | None:
    """The first kind that handles the URL."""
    return next((name for name, scm in scms.items() if scm.handles(url)), None)


@hookimpl(trylast=True)
def choose_agent(task: Task, project: Project) -> str | None:
    """The task's own, else the project's."""
    return task.agent or project.agent


@hookimpl(trylast=True)
def choose_model(task: Task, project: Project) -> str | None:
    """The task's own, else the project's."""
    return task.model or project.model


@hookimpl(trylast=True)
def rank_run(task: Task) -> int:
    """The task's own priority."""
    return task.priority
