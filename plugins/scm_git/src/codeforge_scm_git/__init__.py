"""Git repositories for CodeForge: mirrors, isolated workspaces, escrow, diffs and delivery."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from codeforge import hookimpl

if TYPE_CHECKING:
    from codeforge import Health, Scm, Settings

__version__ = "0.1.0"


@hookimpl
def register_scms(settings: Settings) -> Iterable[Scm]:
    """The one kind of repository that this plugin brings: "git"."""
    from codeforge_scm_git.kind import Git

    return [Git(settings.data_dir / "mirrors")]


@hookimpl
def register_health_checks() -> Iterable[Health]:
    """Whether a git that is new enough is installed."""
    from codeforge_scm_git.health import check

    return [check()]
