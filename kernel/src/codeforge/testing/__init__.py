"""Real stand-ins for tests of the kernel, of plugins and of what authors build: imported only when first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codeforge.testing.browser import axe as axe
    from codeforge.testing.browser import open_browser as open_browser
    from codeforge.testing.browser import watched_page as watched_page
    from codeforge.testing.confined import InSandbox as InSandbox
    from codeforge.testing.desk import Desk as Desk
    from codeforge.testing.folders import agents_dir as agents_dir
    from codeforge.testing.house import Api as Api
    from codeforge.testing.house import running as running
    from codeforge.testing.installs import InstallContract as InstallContract
    from codeforge.testing.installs import installed as installed
    from codeforge.testing.installs import made_whole as made_whole
    from codeforge.testing.model_server import ScriptedModels as ScriptedModels
    from codeforge.testing.model_server import Seen as Seen
    from codeforge.testing.ports import free_port as free_port
    from codeforge.testing.postgres import PrivatePostgres as PrivatePostgres
    from codeforge.testing.rabbitmq import PrivateRabbit as PrivateRabbit
    from codeforge.testing.repositories import git as git
    from codeforge.testing.repositories import new_repository as new_repository
    from codeforge.testing.server import Server as Server
    from codeforge.testing.server import announce as announce
    from codeforge.testing.spawned import Fleet as Fleet
    from codeforge.testing.spawned import Spawned as Spawned
    from codeforge.testing.spawned import fleet as fleet
    from codeforge.testing.stand_ins import ShellAgent as ShellAgent
    from codeforge.testing.stand_ins import StandIns as StandIns
    from codeforge.testing.steps import Step as Step
    from codeforge.testing.steps import search_replace as search_replace
    from codeforge.testing.waiting import until as until

_HOMES = {
    "browser": "axe open_browser watched_page",
    "confined": "InSandbox",
    "spawned": "Fleet Spawned fleet",
    "desk": "Desk",
    "folders": "agents_dir",
    "house": "Api running",
    "installs": "InstallContract installed made_whole",
    "model_server": "ScriptedModels Seen",
    "ports": "free_port",
    "postgres": "PrivatePostgres",
    "rabbitmq": "PrivateRabbit",
    "repositories": "git new_repository",
    "server": "Server announce",
    "stand_ins": "ShellAgent StandIns",
    "steps": "Step search_replace",
    "waiting": "until",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'codeforge.testing' has no attribute {name!r}")
    return getattr(import_module(f"codeforge.testing.{_HOME[name]}"), name)
