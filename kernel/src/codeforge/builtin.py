"""What the kernel brings itself, through the same door as everybody's: defaults of the decisions, and no sandbox."""

from __future__ import annotations

from collections.abc import Sequence

from codeforge.hooks import hookimpl
from codeforge.llm import ModelRequest, ModelTarget
from codeforge.model import Project, Task
from codeforge.sandboxes import Sandbox, Unconfined
from codeforge.scm import Scm


@hookimpl
def register_sandboxes() -> Sequence[Sandbox]:
    """None at all, for those who want that."""
    return [Unconfined()]


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
def choose_target(request: ModelRequest, targets: Sequence[ModelTarget]) -> str | None:
    """One of those with a weight that do not rest, drawn by weight."""
    awake = [target for target in targets if target.weight and target.rests_until is None]
    left = request.chance * sum(target.weight for target in awake)
    for target in awake:
        left -= target.weight
        if left < 0:
            return target.name
    return None


@hookimpl(trylast=True)
def rank_run(task: Task) -> int:
    """The task's own priority."""
    return task.priority
