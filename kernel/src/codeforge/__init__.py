"""CodeForge's public names: all that a plugin needs, imported when first used so that `--help` stays quick."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from codeforge.agents import AgentBackend as AgentBackend
    from codeforge.agents import AgentJob as AgentJob
    from codeforge.agents import Ask as Ask
    from codeforge.agents import Say as Say
    from codeforge.errors import CodeForgeError as CodeForgeError
    from codeforge.errors import Conflict as Conflict
    from codeforge.errors import Forbidden as Forbidden
    from codeforge.errors import Invalid as Invalid
    from codeforge.errors import MergeConflict as MergeConflict
    from codeforge.errors import NotFound as NotFound
    from codeforge.errors import OverBudget as OverBudget
    from codeforge.errors import Refusal as Refusal
    from codeforge.errors import RunFailure as RunFailure
    from codeforge.errors import Unauthorized as Unauthorized
    from codeforge.errors import Unavailable as Unavailable
    from codeforge.events import AgentEvent as AgentEvent
    from codeforge.events import Event as Event
    from codeforge.events import Kind as Kind
    from codeforge.events import edited as edited
    from codeforge.events import ended as ended
    from codeforge.events import log as log
    from codeforge.events import ran as ran
    from codeforge.events import said as said
    from codeforge.events import stuck as stuck
    from codeforge.events import thought as thought
    from codeforge.events import usage as usage
    from codeforge.forge import Forge as Forge
    from codeforge.forge.exchanges import Spoken as Spoken
    from codeforge.hooks import hookimpl as hookimpl
    from codeforge.hooks import hookspec as hookspec
    from codeforge.http import csrf as csrf
    from codeforge.http import failure as failure
    from codeforge.http import public as public
    from codeforge.http import who as who
    from codeforge.ids import new_id as new_id
    from codeforge.lent import LentFolder as LentFolder
    from codeforge.lent import drop_git_locks as drop_git_locks
    from codeforge.llm import Llm as Llm
    from codeforge.llm import Model as Model
    from codeforge.llm import ModelAnswer as ModelAnswer
    from codeforge.llm import ModelRequest as ModelRequest
    from codeforge.llm import ModelTarget as ModelTarget
    from codeforge.llm import Price as Price
    from codeforge.llm import Prices as Prices
    from codeforge.llm import Provider as Provider
    from codeforge.llm import ProviderField as ProviderField
    from codeforge.llm import ProviderKind as ProviderKind
    from codeforge.llm import Route as Route
    from codeforge.llm import Tokens as Tokens
    from codeforge.llm import Way as Way
    from codeforge.model import Change as Change
    from codeforge.model import Choice as Choice
    from codeforge.model import FileChange as FileChange
    from codeforge.model import Health as Health
    from codeforge.model import Limits as Limits
    from codeforge.model import Principal as Principal
    from codeforge.model import Project as Project
    from codeforge.model import Reason as Reason
    from codeforge.model import Run as Run
    from codeforge.model import RunState as RunState
    from codeforge.model import Task as Task
    from codeforge.model import Usage as Usage
    from codeforge.news import MISSED as MISSED
    from codeforge.process import CONFINED as CONFINED
    from codeforge.process import Process as Process
    from codeforge.queues import Answer as Answer
    from codeforge.queues import Ears as Ears
    from codeforge.queues import Hear as Hear
    from codeforge.queues import Queue as Queue
    from codeforge.queues import Take as Take
    from codeforge.retelling import Retelling as Retelling
    from codeforge.runners import BoundedShell as BoundedShell
    from codeforge.runners import DrivenAgent as DrivenAgent
    from codeforge.runners import Recipe as Recipe
    from codeforge.runners import RunnerAgent as RunnerAgent
    from codeforge.runners import bounded_shell as bounded_shell
    from codeforge.runners import one_installer as one_installer
    from codeforge.sandboxes import Confined as Confined
    from codeforge.sandboxes import Confinement as Confinement
    from codeforge.sandboxes import EmptySandbox as EmptySandbox
    from codeforge.sandboxes import Sandbox as Sandbox
    from codeforge.scm import Delivery as Delivery
    from codeforge.scm import RepoInfo as RepoInfo
    from codeforge.scm import Scm as Scm
    from codeforge.scm import Workspace as Workspace
    from codeforge.settings import Settings as Settings
    from codeforge.ui import Panel as Panel

_HOMES = {
    "agents": "AgentBackend AgentJob Ask Say",
    "errors": "CodeForgeError Conflict Forbidden Invalid MergeConflict NotFound OverBudget Refusal "
    "RunFailure Unauthorized Unavailable",
    "events": "AgentEvent Event Kind edited ended log ran said stuck thought usage",
    "forge": "Forge",
    "forge.exchanges": "Spoken",
    "hooks": "hookimpl hookspec",
    "http": "csrf failure public who",
    "ids": "new_id",
    "lent": "LentFolder drop_git_locks",
    "llm": "Llm Model ModelAnswer ModelRequest ModelTarget Price Prices Provider ProviderField ProviderKind Route "
    "Tokens Way",
    "model": "Change Choice FileChange Health Limits Principal Project Reason Run RunState Task Usage",
    "news": "MISSED",
    "process": "CONFINED Process",
    "queues": "Answer Ears Hear Queue Take",
    "retelling": "Retelling",
    "runners": "BoundedShell DrivenAgent Recipe RunnerAgent bounded_shell one_installer",
    "sandboxes": "Confined Confinement EmptySandbox Sandbox",
    "scm": "Delivery RepoInfo Scm Workspace",
    "settings": "Settings",
    "ui": "Panel",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}
__all__ = ["__version__", *_HOME]  # noqa: PLE0604 (they are strings)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'codeforge' has no attribute {name!r}")
    return getattr(import_module(f"codeforge.{_HOME[name]}"), name)
