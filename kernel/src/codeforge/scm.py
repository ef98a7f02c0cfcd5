"""The source-control offer: mirrors, isolated workspaces, escrow, diffs and delivery."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codeforge.errors import Unavailable
from codeforge.model import Change, FileChange, Project

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class RepoInfo:
    """What a look at a repository found. ``dirty`` lists uncommitted paths of a local folder (at most 20)."""

    url: str
    branch: str
    branches: tuple[str, ...]
    head: str
    dirty: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """Where an accepted change went: ``commit`` is reachable from ``branch`` of the origin."""

    branch: str
    commit: str


class Workspace(ABC):
    """The isolated checkout in which one run works; ``base`` is the commit that it was made from."""

    path: Path
    base: str
    borrows: tuple[Path, ...] = ()
    """Folders that the checkout's own tools read beside it, such as objects of the mirror; a sandbox shows them."""

    @abstractmethod
    async def escrow(self, ref: str, message: str, author: str) -> str:
        """Commit everything (untracked too, ignored not) to the hidden ``ref`` of the mirror; gives the commit id.

        Works whatever the agent did to HEAD, index or .git; an agent's own commits stay as ancestors.
        The commit is ``base`` itself when nothing changed. ``author`` is "Name <mail>".
        """

    @abstractmethod
    async def restore(self) -> None:
        """Bring the files back to those of the last `escrow`, whatever was done to them since; ignored ones stay."""

    @abstractmethod
    async def remove(self) -> None:
        """Delete the checkout. What it holds must be in escrow before."""


class Scm(ABC):
    """One kind of repository. ``folder`` (given at construction or by `open`) holds the mirrors."""

    name: str

    @abstractmethod
    def handles(self, url: str) -> bool:
        """Whether ``url`` (or local path) looks like this kind's; no I/O beyond the local disk."""

    @abstractmethod
    async def inspect(self, url: str) -> RepoInfo:
        """Look at a repository without keeping anything.

        Raises `Invalid` (no repository, unsafe URL, no commit yet), `Unavailable` or `Forbidden` (credentials).
        """

    @abstractmethod
    async def prepare(
        self,
        project: Project,
        into: Path,
        *,
        base: str | None = None,
        start: str | None = None,
        say: Say,
        fetch: bool = True,
    ) -> Workspace:
        """Bring the mirror up to date and make a workspace in the new folder ``into``.

        ``base`` is the commit that the change is measured against (None: the tip of ``project.branch``);
        the files are those of commit ``start`` (None: of the base), an earlier run's escrowed one. Without
        ``fetch`` the origin is not asked, and ``base`` must be given. Raises `RunFailure` with scm_auth,
        scm_unreachable, disk_full or workspace_error; then ``into`` is gone again.
        """

    @abstractmethod
    async def reopen(self, project: Project, path: Path, base: str) -> Workspace:
        """A workspace that an earlier process left behind at ``path``, for escrow and removal."""

    @abstractmethod
    async def changes(self, project: Project, base: str, head: str) -> list[FileChange]:
        """The paths that differ between two commits of the mirror, renames detected."""

    @abstractmethod
    async def diff(self, project: Project, base: str, head: str, path: str | None = None) -> str:
        """The unified diff between two commits of the mirror, of one path or of all; binary files as one line."""

    @abstractmethod
    async def deliver(self, project: Project, change: Change, *, strategy: str, message: str, author: str) -> Delivery:
        """Bring a change into ``project.branch`` of the origin; idempotent, never forced.

        ``strategy`` is "merge", "squash" or "fast-forward" (rebased when the branch moved). Raises
        `MergeConflict` with the files, `Conflict` (the origin refuses, e.g. uncommitted files in a local
        folder), `Unavailable` or `Forbidden`.
        """

    async def refresh(self, project: Project, say: Say) -> str:
        """Bring the mirror up to date with the origin; gives the commit at the tip of ``project.branch``.

        Raises `RunFailure` with scm_auth, scm_unreachable, disk_full or workspace_error.
        """
        raise Unavailable(f"Repositories of kind {self.name} can be worked on beside a server only.")

    async def tips(self, project: Project) -> list[str]:
        """Ids of commits that the mirror has: what another mirror's `pack` need not bring. Few hundred at most."""
        return []

    async def pack(self, project: Project, into: Path, refs: Mapping[str, str], have: Sequence[str]) -> bool:
        """Write commits, named by hidden references, to the file ``into`` for another mirror of the project.

        What the commits ``have`` bring along is left out where this mirror knows them; False: nothing is left,
        and no file is written. A kind that overrides this and `unpack` works on workers without a server.
        """
        raise Unavailable(f"Repositories of kind {self.name} can be worked on beside a server only.")

    async def unpack(self, project: Project, pack: Path) -> None:
        """Take in what another mirror's `pack` wrote, with its references.

        Raises `Conflict` where this mirror lacks the commits that it builds on.
        """
        raise Unavailable(f"Repositories of kind {self.name} can be worked on beside a server only.")

    @abstractmethod
    async def forget(self, project: Project) -> None:
        """Remove the project's mirror."""

    async def backup(self, project: Project, into: Path) -> None:
        """Optional: write what the mirror holds, hidden references too, as files into the empty folder ``into``.

        Others may work on the mirror meanwhile; nothing is written where there is none yet. Raises `Unavailable`.
        """

    async def restore(self, project: Project, source: Path) -> None:
        """Optional, with `backup`: make the mirror, which is not there, from the files that `backup` wrote.

        Raises `Invalid` when they are damaged, and `Unavailable`.
        """

    async def mirrors(self) -> Mapping[str, Path]:
        """What is kept on this disk, by project id. By default nothing that others should know of."""
        return {}

    async def tidy(self, project_id: str) -> None:
        """Make the mirror smaller and quicker, where that is worth it; workspaces may be at work meanwhile.

        Nothing may be lost by it: not what hidden refs hold, and not what a workspace borrows of the mirror.
        """

    async def drop(self, project_id: str) -> None:
        """Remove the mirror of a project that there is no more."""


def summarise(base: str, head: str, files: list[FileChange]) -> Change:
    """The change between two commits in figures."""
    return Change(
        base=base,
        head=head,
        files=len(files),
        added=sum(f.added or 0 for f in files),
        deleted=sum(f.deleted or 0 for f in files),
    )
