"""Every hook of CodeForge on one page, by kind: offers, decisions, moments.

The kind fixes the colour: offers and decisions are plain functions, moments are ``async def``. An
implementation may leave out arguments that it does not need. A hook with the wrong colour or a misspelt name
makes its plugin broken: it is listed with the reason, and the rest starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from codeforge.hooks import hookspec

if TYPE_CHECKING:
    import click
    from aiohttp import web

    from codeforge.agents import AgentBackend
    from codeforge.events import Event
    from codeforge.forge import Forge
    from codeforge.llm import Llm, ModelRequest, ModelTarget
    from codeforge.model import Health, Project, Run, Task
    from codeforge.queues import Queue
    from codeforge.sandboxes import Sandbox
    from codeforge.scm import Scm
    from codeforge.settings import Settings
    from codeforge.ui import Panel

# --------------------------------------------------------------------------------------------------
# Offers: plain functions, called once at start; cheap, they hand over objects and do no work
# --------------------------------------------------------------------------------------------------


@hookspec
def register_agents(settings: Settings) -> Iterable[AgentBackend]:  # type: ignore[empty-body]
    """Agent back ends, each under a name of its own. Called once, at start."""


@hookspec
def register_scms(settings: Settings) -> Iterable[Scm]:  # type: ignore[empty-body]
    """Kinds of repositories. Called once, at start."""


@hookspec
def register_llms(forge: Forge) -> Iterable[Llm]:  # type: ignore[empty-body]
    """Sources of models. Called once, at start."""


@hookspec
def register_queues(settings: Settings) -> Iterable[Queue]:  # type: ignore[empty-body]
    """Ways to wake workers, told apart by the scheme of ``broker_url``. Called once, at start."""


@hookspec
def register_sandboxes(settings: Settings) -> Iterable[Sandbox]:  # type: ignore[empty-body]
    """Ways to confine runs, each under a name of its own; the setting ``sandbox`` chooses. Called once, at start."""


@hookspec
def register_routes(forge: Forge) -> Iterable[web.RouteDef]:  # type: ignore[empty-body]
    """HTTP routes: pages, or an API of the plugin's own. Called once, when a server starts.

    A route needs a signed-in user unless its handler carries `codeforge.http.public`.
    """


@hookspec
def register_commands(settings: Settings) -> Iterable[click.Command]:  # type: ignore[empty-body]
    """Commands for the command line. Called when `codeforge` looks for a command it does not bring itself."""


@hookspec
def register_health_checks(forge: Forge) -> Iterable[Health]:  # type: ignore[empty-body]
    """How the plugin's own parts are, for `codeforge doctor`. Called at each look; may take a second."""


@hookspec
def lifespan(forge: Forge) -> AbstractAsyncContextManager[None]:  # type: ignore[empty-body]
    """Something that lives as long as the server does: entered at start, left at the end in reverse order."""


@hookspec
def register_hookspecs() -> object:
    """A module or object with hook specifications of the plugin's own. Called first, at start."""


# --------------------------------------------------------------------------------------------------
# Decisions: plain functions, the first answer that is not None counts; pure and quick
# --------------------------------------------------------------------------------------------------


@hookspec(firstresult=True)
def choose_scm(url: str, scms: dict[str, Scm]) -> str | None:
    """The name of the kind of repository for ``url``. None: not for me. Default: the first that handles it."""


@hookspec(firstresult=True)
def choose_agent(task: Task, project: Project) -> str | None:
    """The agent for a new run of ``task``. None: not for me. Default: the task's, else the project's."""


@hookspec(firstresult=True)
def choose_model(task: Task, project: Project) -> str | None:
    """The model for a new run of ``task``. None: not for me. Default: the task's, else the project's."""


@hookspec(firstresult=True)
def choose_target(request: ModelRequest, targets: Sequence[ModelTarget]) -> str | None:
    """The name of the model that a call of a route goes to first. None: not for me. Default: drawn by weight among
    those that do not rest. Where it fails, the others follow in the order of the route.
    """


@hookspec(firstresult=True)
def rank_run(task: Task, project: Project) -> int | None:
    """The priority of a new run, higher first. None: not for me. Default: the task's priority."""


# --------------------------------------------------------------------------------------------------
# Moments: ``async def``, all are told one after the other; a failing one is logged and stops nobody else
# --------------------------------------------------------------------------------------------------


@hookspec
async def before_run(run: Run, task: Task, project: Project) -> None:
    """A worker is about to start the agent. Raise `Refusal` to stop the run; its text is shown.

    The only moment that fails closed: any other error stops the run as ``internal``.
    """


@hookspec
async def on_event(run: Run, event: Event) -> None:
    """An event of a run has been stored. Must not wait long: the next event waits for it.

    One server at a time tells; when it ends or is killed, another goes on where it left off, so that an event
    may be told twice. What was stored before a plugin listened for the first time is in the history only.
    """


@hookspec
async def ui_panels(run: Run) -> Iterable[Panel]:  # type: ignore[empty-body]
    """Panels to show on a run's page: a title and text or a link. Called when the page is made."""
